import { z } from 'zod'
import { DEFAULT_PREFIX, PREFIX_PATTERN } from '../../identity/api-key/key-format.ts'
import { headerName, secret, text } from '../fields.ts'

const name = z
  .string()
  .regex(/^[A-Za-z0-9_.-]{1,64}$/, { message: 'expected a name: letters, digits, "_", "." and "-"' })

/** Where a key may lie. */
const location = z.discriminatedUnion('in', [
  z.strictObject({
    in: z.literal('header').describe('The key is the value of a header'),
    name: headerName.describe('Name of the header'),
    prefix: text.max(64).optional().describe('Text that stands before the key in the header'),
  }),
  z.strictObject({
    in: z.literal('authorization').describe('The key stands in the Authorization header'),
    scheme: z
      .string()
      .regex(/^[A-Za-z][A-Za-z0-9-]{0,31}$/, { message: 'expected a scheme such as ApiKey or Bearer' })
      .describe('Scheme of the header: ApiKey, Bearer or the like'),
  }),
  z.strictObject({
    in: z.literal('cookie').describe('The key is the value of a cookie'),
    name: name.describe('Name of the cookie'),
  }),
  z.strictObject({
    in: z.literal('query').describe('The key is a parameter of the query; URLs end in logs and histories'),
    name: name.describe('Name of the parameter'),
  }),
])

/** Callers who show a key that a file knows by its hash. */
export const apiKeyProvider = z.strictObject({
  kind: z.literal('api_key').describe('Callers who show a key that a file knows by its hash'),
  file: text.describe('File of keys; "haproxy-temporal api-key create" makes entries'),
  prefix: z
    .string()
    .regex(PREFIX_PATTERN, { message: 'expected a small letter, then small letters, digits and "_", 24 at most' })
    .default(DEFAULT_PREFIX)
    .describe('What the keys of this provider begin with'),
  anyFormat: z.boolean().default(false).describe('Whether keys made elsewhere are taken too: any printable ASCII'),
  pepper: secret.optional().describe('Secret of hmac-sha256 hashes'),
  locations: z
    .array(location)
    .min(1)
    .max(8)
    .default([{ in: 'header', name: 'x-api-key' }])
    .describe('Where a key may lie'),
  required: z.boolean().default(true).describe('Whether /readyz waits for the file'),
})

export type ApiKeyProvider = z.output<typeof apiKeyProvider>
