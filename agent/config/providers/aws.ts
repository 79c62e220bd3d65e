import { z } from 'zod'
import { ARN_PATTERN, isOpenPattern } from '../../identity/aws/arn-pattern.ts'
import { isRegionOf, partitionIds } from '../../identity/aws/partitions.ts'
import { proxyUrl } from '../../identity/http/proxy.ts'
import { duration, headerName, refuse, text } from '../fields.ts'
import { token } from './jwt-token.ts'

const account = z.string().regex(/^\d{12}$/, { message: 'expected an account: 12 digits, in quotes' })

const arnPattern = z.string().regex(ARN_PATTERN, {
  message: 'expected an ARN such as arn:aws:iam::123456789012:role/deploy-*, without the session of a role',
})

/** A name as it stands in a URL, in small letters. */
const host = z.string().regex(/^(?=.{4,253}$)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)+$/, {
  message: 'expected a host name in small letters, without scheme and port',
})

const origin = z.string().refine(
  (value) => {
    const url = URL.parse(value)
    return url?.protocol === 'https:' && `${url.origin}/` === url.href && url.username === ''
  },
  { message: 'expected https, a host and perhaps a port, nothing behind it' },
)

/** Presigned GetCallerIdentity of AWS STS. */
export const awsProvider = z
  .strictObject({
    kind: z.literal('aws').describe('Callers who show a presigned GetCallerIdentity request, which AWS STS answers'),
    audience: z
      .string()
      .regex(/^[\x21-\x7e]{1,256}$/, { message: 'expected printable ASCII without spaces' })
      .describe('Value of the signed audience header: who the credential is for; printable ASCII without spaces'),
    audienceHeader: headerName.default('x-haproxy-temporal-audience').describe('Header that clients must sign'),
    shownAudience: z
      .boolean()
      .default(false)
      .describe('Whether clients send that header to us as well, so that another audience is told apart at once'),
    token: token.optional().describe('Where the credential lies'),
    accounts: z
      .array(account)
      .min(1)
      .optional()
      .describe('Accounts that are let in, in quotes; needed unless each of "arns" names its account'),
    arns: z
      .array(arnPattern)
      .min(1)
      .optional()
      .describe('Canonical ARNs that are let in; "*" stands for any characters but ":" and "/"'),
    roles: z
      .record(arnPattern, z.array(text.max(256)).min(1))
      .default({})
      .describe('Roles by ARN, patterns too; those of all that fit are held'),
    tenant: z.enum(['account', 'none']).default('none').describe("Whether the account is the caller's tenant"),
    partition: z.enum(partitionIds).default('aws').describe('Partition of AWS'),
    regions: z
      .array(text)
      .min(1)
      .optional()
      .describe('Regions whose STS may be named; without it all that are known. aws-global is sts.amazonaws.com'),
    hosts: z.array(host).min(1).optional().describe('Instead of "regions": exactly these hosts of STS'),
    endpoints: z
      .record(host, origin)
      .default({})
      .describe('Connects elsewhere for a host; TLS still wants a certificate for the host'),
    caFile: text.optional().describe('PEM file with the authorities of STS, instead of those of the system'),
    proxy: z
      .string()
      .refine((value) => proxyUrl(value) !== undefined, { message: 'expected the URL of an http or https proxy' })
      .optional()
      .describe('URL of an http or https proxy on the way to STS'),
    maxAge: duration(1000, 900_000).default(300_000).describe('Age that a signature may have'),
    maxFuture: duration(0, 60_000).default(60_000).describe('How far ahead the date of a signature may lie'),
    oneTime: z.boolean().default(false).describe('Whether a credential counts only once'),
    bind: z
      .strictObject({
        methodHeader: headerName.optional().describe('Signed header that must hold the method of the request'),
        pathHeader: headerName.optional().describe('Signed header that must hold the path of the request'),
      })
      .prefault({})
      .describe('Headers that tie a credential to one request: both are signed, and compared with what was asked for'),
    timeout: duration(50, 30_000).default(2000).describe('For the whole answer of STS'),
    cache: duration(0, 60_000)
      .default(60_000)
      .describe('How long the word of STS on a credential is believed, never past "maxAge"'),
    negativeCache: duration(0, 60_000)
      .default(10_000)
      .describe('How long a refused credential is refused without asking again'),
    maxPending: z
      .int()
      .min(1)
      .max(1000)
      .default(32)
      .describe('Questions under way to one host; more are answered with 503'),
  })
  .superRefine((value, ctx) => {
    if (value.accounts === undefined && (value.arns === undefined || value.arns.some(isOpenPattern))) {
      const message = 'anyone can open an account with AWS: name "accounts", or give each of "arns" its account'
      refuse(ctx, 'CONFIG_MISSING', message)
    }
    if (value.regions !== undefined && value.hosts !== undefined) {
      refuse(ctx, 'CONFIG_CONFLICT', '"hosts" names all that is allowed: it goes without "regions"')
    }
    for (const [index, region] of (value.regions ?? []).entries()) {
      if (isRegionOf(value.partition, region)) continue
      const message = `"${region}" is no region of the partition ${value.partition}`
      ctx.addIssue({ code: 'custom', message, path: ['regions', index], params: { code: 'CONFIG_INVALID' } })
    }
    const signed = [value.audienceHeader, value.bind.methodHeader, value.bind.pathHeader].filter((n) => n !== undefined)
    if (new Set(['host', 'accept', ...signed]).size !== signed.length + 2) {
      refuse(ctx, 'CONFIG_CONFLICT', 'the signed headers need a name each, other than "host" and "accept"')
    }
  })

export type AwsProvider = z.output<typeof awsProvider>
