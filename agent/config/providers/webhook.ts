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
    kind: z.literal('webhook'),
    scheme: z.enum(WEBHOOK_SCHEMES),
    secrets: z.preprocess(
      (value) => (value === undefined || Array.isArray(value) ? value : [value]),
      z.array(secret).min(1).max(5),
    ),
    subject: z
      .string()
      .refine((value) => isSafeText(value, 1024), { message: 'expected 1 to 1024 bytes without control characters' })
      .optional(),
    tolerance: duration(1000, 86_400_000).default(DEFAULT_TOLERANCE),
    replay: z.enum(['refuse', 'allow']).optional(),
    requireLength: z.boolean().default(true),
    required: z.boolean().default(true),
    header: headerName.optional(),
    timestampHeader: headerName.optional(),
    idHeader: headerName.optional(),
    eventHeader: headerName.optional(),
    algorithm: z.enum(['sha256', 'sha512', 'sha1']).optional(),
    allowSha1: z.boolean().optional(),
    encoding: z.enum(['hex', 'base64', 'base64url']).optional(),
    prefix: z
      .string()
      .regex(/^[\x20-\x7e]{0,64}$/, { message: 'expected printable ASCII' })
      .optional(),
    signed: z.string().max(256).optional(),
    timestampUnit: z.enum(['s', 'ms']).optional(),
    secretEncoding: z.enum(['text', 'hex', 'base64']).optional(),
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
