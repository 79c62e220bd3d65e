import { z } from 'zod'
import { KEY_ID, MIN_KEY_CHARACTERS } from '../identity/pseudonym.ts'
import { refuse, secret } from './fields.ts'

/** A key for pseudonyms: `{ keyId: k1, secret: { file: … } }`. Another secret means another id. */
export const pseudonymKey = z
  .strictObject({
    keyId: z
      .string()
      .regex(KEY_ID, { message: 'expected the id of the key: letters and digits, such as k1' })
      .default('k1')
      .describe('Name of the key in pseudonyms: letters and digits; another key needs another one'),
    secret: secret.describe('Secret of 16 characters or more; whoever destroys it makes all records anonymous'),
  })
  .superRefine((value, ctx) => {
    // The length of one in a file is known only when it is read.
    if ('value' in value.secret && value.secret.value.length < MIN_KEY_CHARACTERS) {
      refuse(ctx, 'CONFIG_INVALID', `secret: expected at least ${MIN_KEY_CHARACTERS} characters`)
    }
  })

export type PseudonymKeySettings = z.output<typeof pseudonymKey>
