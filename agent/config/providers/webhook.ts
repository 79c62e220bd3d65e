import { z } from 'zod'
import { isSafeText } from '../../identity/claim-values.ts'
import { WEBHOOK_SCHEMES, type WebhookSchemeName } from '../../identity/webhook/protocols.ts'
import { parseTemplate } from '../../identity/webhook/template.ts'
import { duration, headerName, refuse, secret } from '../fields.ts'

/** Milliseconds. */
const DEFAULT_TOLERANCE = 300_000

/** What only some schemes take. */
const ONLY: Readonly<Record<string, readonly WebhookSchemeName[]>> = {
  timestampHeader: ['slack', 'standard', 'hmac'],
  idHeader: ['github', 'standard', 'hmac'],
  eventHeader: ['github', 'hmac'],
  algorithm: ['hmac'],
  allowSha1: ['hmac'],
  encoding: ['hmac'],
  prefix: ['hmac'],
  signed: ['hmac'],
  timestampUnit: ['hmac'],
  secretEncoding: ['hmac'],
}

/** Callers who sign what they send. */
export const webhookProvider = z
  .strictObject({
    kind: z.literal('webhook').describe('Callers who sign what they send'),
    scheme: z.enum(WEBHOOK_SCHEMES).describe('How the sender signs: a known one, or hmac with the settings below'),
    secrets: z
      .preprocess(
        (value) => (value === undefined || Array.isArray(value) ? value : [value]),
        z.array(secret).min(1).max(5),
      )
      .meta({ shorthand: 'item' })
      .describe('Secrets that all count, while they are exchanged, of 16 bytes or more; one or a list'),
    subject: z
      .string()
      .refine((value) => isSafeText(value, 1024), { message: 'expected 1 to 1024 bytes without control characters' })
      .optional()
      .describe('Subject of the caller; the name of the provider without it'),
    tolerance: duration(1000, 86_400_000)
      .default(DEFAULT_TOLERANCE)
      .describe("By how much the signed time may differ from this machine's clock, to either side"),
    replay: z
      .enum(['refuse', 'allow'])
      .optional()
      .describe('Whether a delivery may come again; without it refuse where a time is signed, else allow'),
    requireLength: z.boolean().default(true).describe('Whether only bodies with a Content-Length are taken'),
    required: z.boolean().default(true).describe('Whether /readyz waits for a secret'),
    header: headerName.optional().describe("Header of the signature; the scheme's without it"),
    timestampHeader: headerName.optional().describe('Header of the signed time; with slack, standard and hmac'),
    idHeader: headerName.optional().describe("Header of the delivery's id; with github, standard and hmac"),
    eventHeader: headerName.optional().describe("Header of the event's name; with github and hmac"),
    algorithm: z
      .enum(['sha256', 'sha512', 'sha1'])
      .optional()
      .describe('Hash of the signature, with hmac; sha256 without it'),
    allowSha1: z.boolean().optional().describe('Takes sha1, with hmac, for a sender that knows nothing better'),
    encoding: z
      .enum(['hex', 'base64', 'base64url'])
      .optional()
      .describe('How the signature is written, with hmac; hex without it'),
    prefix: z
      .string()
      .regex(/^[\x20-\x7e]{0,64}$/, { message: 'expected printable ASCII' })
      .optional()
      .describe('What stands before the signature in its header, with hmac'),
    signed: z
      .string()
      .max(256)
      .optional()
      .describe('What is signed, with hmac: of {id}, {timestamp} and, at the end, {body}; {body} without it'),
    timestampUnit: z
      .enum(['s', 'ms'])
      .optional()
      .describe('Unit of the time, with hmac: seconds, or milliseconds; s without it'),
    secretEncoding: z
      .enum(['text', 'hex', 'base64'])
      .optional()
      .describe('How the secrets are written, with hmac; text without it'),
  })
  .superRefine((value, ctx) => {
    for (const [key, schemes] of Object.entries(ONLY)) {
      if (value[key as keyof typeof value] !== undefined && !schemes.includes(value.scheme)) {
        refuse(ctx, 'CONFIG_CONFLICT', `"${key}" is for ${schemes.join(', ')}, not for scheme "${value.scheme}"`)
      }
    }
    if (value.scheme !== 'hmac') return
    if (value.header === undefined) refuse(ctx, 'CONFIG_MISSING', 'scheme "hmac" needs the "header" of the signature')
    if (value.algorithm === 'sha1' && value.allowSha1 !== true) {
      refuse(
        ctx,
        'CONFIG_CONFLICT',
        '"sha1" is refused unless "allowSha1: true" says that the sender knows nothing better',
      )
    }
    const template = parseTemplate(value.signed ?? '{body}')
    if (typeof template === 'string') {
      refuse(ctx, 'CONFIG_INVALID', `"signed": ${template}`)
      return
    }
    const signs = (field: string): boolean =>
      template.parts.some((part) => typeof part === 'object' && part.field === field)
    if (signs('timestamp') !== (value.timestampHeader !== undefined)) {
      refuse(
        ctx,
        'CONFIG_CONFLICT',
        '"timestampHeader" and {timestamp} in "signed" go together: an unsigned time proves nothing',
      )
    }
    if (signs('id') && value.idHeader === undefined)
      refuse(ctx, 'CONFIG_MISSING', '{id} in "signed" needs an "idHeader"')
  })

export type WebhookProvider = z.output<typeof webhookProvider>
