import { z } from 'zod'
import { isSafeText } from '../claim-values.ts'
import { parseExpiry } from './expiry.ts'
import { HASH_PATTERN } from './key-hash.ts'

/** Bytes of UTF-8, as {@link Identity} promises. */
const MAX_SUBJECT = 1024
const MAX_NAME = 256

const safe = (max: number): z.ZodType<string> =>
  z.string({ message: 'expected a text' }).refine((value) => isSafeText(value, max), {
    message: `expected 1 to ${max} bytes without control characters and without white space at the ends`,
  })

const nameList = (max: number): z.ZodType<string[]> =>
  z
    .array(safe(MAX_NAME), { message: 'expected a list of names' })
    .max(max, { message: `expected ${max} names at most` })
    .transform((all) => [...new Set(all)])

/** One key in a file of keys. */
export const keyEntry = z.strictObject(
  {
    id: z.string({ message: 'expected a text' }).regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, {
      message: 'expected 1 to 64 letters, digits, ".", "_" and "-", beginning with a letter or digit',
    }),
    hash: z
      .string({ message: 'expected a text' })
      .regex(HASH_PATTERN, { message: 'expected "sha256:" or "hmac-sha256:" and 64 hexadecimal digits' }),
    owner: safe(MAX_SUBJECT),
    tenant: safe(MAX_NAME).optional(),
    roles: nameList(50).default([]),
    scopes: nameList(100).default([]),
    expires: z
      .string({ message: 'expected a date such as 2026-12-31, or a time such as 2026-12-31T23:59:59Z' })
      .refine((text) => parseExpiry(text) !== undefined, {
        message: 'expected a date such as 2026-12-31, or a time such as 2026-12-31T23:59:59Z',
      })
      .optional(),
    disabled: z.boolean({ message: 'expected true or false' }).default(false),
    note: z
      .string({ message: 'expected a text' })
      .max(1000, { message: 'expected 1000 characters at most' })
      .optional(),
  },
  { message: 'expected a mapping' },
)

export type KeyEntry = z.output<typeof keyEntry>

/** The names of an entry's members, for messages. */
export const ENTRY_KEYS: readonly string[] = Object.keys(keyEntry.shape)
