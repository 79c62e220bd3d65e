import { z } from 'zod'
import { DEFAULT_PREFIX, PREFIX_PATTERN } from '../../identity/api-key/key-format.ts'
import { headerName, secret, text } from '../fields.ts'

const name = z
  .string()
  .regex(/^[A-Za-z0-9_.-]{1,64}$/, { message: 'expected a name: letters, digits, "_", "." and "-"' })

/** Where a key may lie. */
const location = z.discriminatedUnion('in', [
  z.strictObject({ in: z.literal('header'), name: headerName, prefix: text.max(64).optional() }),
  z.strictObject({
    in: z.literal('authorization'),
    scheme: z.string().regex(/^[A-Za-z][A-Za-z0-9-]{0,31}$/, { message: 'expected a scheme such as ApiKey or Bearer' }),
  }),
  z.strictObject({ in: z.literal('cookie'), name }),
  z.strictObject({ in: z.literal('query'), name }),
])

/** Callers who show a key that a file knows by its hash. */
export const apiKeyProvider = z.strictObject({
  kind: z.literal('api_key'),
  file: text,
  prefix: z
    .string()
    .regex(PREFIX_PATTERN, { message: 'expected a small letter, then small letters, digits and "_", 24 at most' })
    .default(DEFAULT_PREFIX),
  anyFormat: z.boolean().default(false),
  pepper: secret.optional(),
  locations: z
    .array(location)
    .min(1)
    .max(8)
    .default([{ in: 'header', name: 'x-api-key' }]),
  required: z.boolean().default(true),
})

export type ApiKeyProvider = z.output<typeof apiKeyProvider>
