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
    kind: z.literal('aws'),
    audience: z.string().regex(/^[\x21-\x7e]{1,256}$/, { message: 'expected printable ASCII without spaces' }),
    audienceHeader: headerName.default('x-haproxy-temporal-audience'),
    shownAudience: z.boolean().default(false),
    token: token.optional(),
    accounts: z.array(account).min(1).optional(),
    arns: z.array(arnPattern).min(1).optional(),
    roles: z.record(arnPattern, z.array(text.max(256)).min(1)).default({}),
    tenant: z.enum(['account', 'none']).default('none'),
    partition: z.enum(partitionIds).default('aws'),
    regions: z.array(text).min(1).optional(),
    hosts: z.array(host).min(1).optional(),
    endpoints: z.record(host, origin).default({}),
    caFile: text.optional(),
    proxy: z
      .string()
      .refine((value) => proxyUrl(value) !== undefined, { message: 'expected the URL of an http or https proxy' })
      .optional(),
    maxAge: duration(1000, 900_000).default(300_000),
    maxFuture: duration(0, 60_000).default(60_000),
    oneTime: z.boolean().default(false),
    bind: z.strictObject({ methodHeader: headerName.optional(), pathHeader: headerName.optional() }).prefault({}),
    timeout: duration(50, 30_000).default(2000),
    cache: duration(0, 60_000).default(60_000),
    negativeCache: duration(0, 60_000).default(10_000),
    maxPending: z.int().min(1).max(1000).default(32),
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
