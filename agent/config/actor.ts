import { z } from 'zod'
import { DEFAULT_FIELDS } from '../actor/fields.ts'
import { KEY_ID } from '../identity/pseudonym.ts'
import { duration, endpoint, refuse, secret, text } from './fields.ts'

const MINUTE = 60_000
const DAY = 24 * 60 * MINUTE

const hideable = z.enum(['plain', 'pseudonym', 'omit'])
const optional = z.enum(['plain', 'omit'])

const fields = z
  .strictObject({
    subject: hideable
      .default(DEFAULT_FIELDS.subject)
      .describe("The caller's subject: as it is, as a keyed hash, or not at all"),
    tenant: hideable
      .default(DEFAULT_FIELDS.tenant)
      .describe("The caller's tenant: as it is, as a keyed hash, or not at all"),
    session: hideable
      .default(DEFAULT_FIELDS.session)
      .describe('The session of the credential (sid): as it is, as a keyed hash, or not at all'),
    roles: optional.default(DEFAULT_FIELDS.roles).describe("The caller's roles: as they are, or not at all"),
    scopes: optional
      .default(DEFAULT_FIELDS.scopes)
      .describe('The scopes of the credential: as they are, or not at all'),
    credentialId: optional
      .default(DEFAULT_FIELDS.credentialId)
      .describe('The id of the credential (jti, id of an API key, serial number): as it is, or not at all'),
  })
  .prefault({})

const verifyKeys = z.union(
  [
    z.strictObject({ file: text.describe('File with public keys: a JWK Set or PEM') }),
    z.strictObject({ jwks: endpoint('the URL of a key set').describe('URL of the public keys, a JWK Set') }),
  ],
  {
    message: 'expected { file: … } or { jwks: … }',
  },
)

/** `actor:` of agent.yaml: what workflows get to know of a caller, and how it is proven to them. */
export const actorSchema = z
  .strictObject({
    signingKey: z
      .strictObject({
        file: text.describe(
          'File with the private key, PEM or JWK, Ed25519 or P-256; "haproxy-temporal actor-key create" makes one',
        ),
      })
      .optional()
      .describe("The agent's key: with it each actor is signed for its workflow"),
    lifetime: duration(MINUTE, 90 * DAY)
      .default(DAY)
      .describe('How long a signed actor may be taken by a worker, from the moment it was signed'),
    verifyKeys: verifyKeys.optional().describe("The worker's keys: actors are checked with them before work is done"),
    require: z
      .boolean()
      .optional()
      .describe(
        'Whether the worker refuses work for a caller who is not proven; without it true where there are "verifyKeys"',
      ),
    pseudonyms: z
      .strictObject({
        keyId: z
          .string()
          .regex(KEY_ID, { message: 'expected letters and digits, 16 at most' })
          .default('k1')
          .describe('Name of the key in pseudonyms: letters and digits; another key needs another one'),
        secret: secret.describe('Secret of 16 characters or more; whoever destroys it makes all pseudonyms anonymous'),
      })
      .optional()
      .describe('The key that names are hashed with'),
    fields: fields.describe('What of a caller gets into the history of workflows'),
    searchAttributes: z
      .boolean()
      .default(false)
      .describe('Whether workflows carry ActorId and the like, pseudonyms to search by; needs "pseudonyms"'),
  })
  .superRefine((actor, ctx) => {
    if (actor.require === true && actor.verifyKeys === undefined) {
      refuse(ctx, 'CONFIG_MISSING', '"require" needs "verifyKeys": without them no caller is ever proven')
    }
    if (actor.pseudonyms !== undefined) return
    const hidden = Object.entries(actor.fields).flatMap(([name, rule]) => (rule === 'pseudonym' ? [name] : []))
    if (hidden.length > 0) {
      refuse(ctx, 'CONFIG_MISSING', `"fields" asks for a pseudonym of "${hidden[0]}", which needs "pseudonyms"`)
    }
    if (actor.searchAttributes) {
      refuse(ctx, 'CONFIG_MISSING', '"searchAttributes" needs "pseudonyms": a search attribute must not name a person')
    }
  })
  // Keys to verify with are there to be asked for: whoever wants a time of grace says so.
  .transform((actor) => ({ ...actor, require: actor.require ?? actor.verifyKeys !== undefined }))

export type ActorConfig = z.output<typeof actorSchema>
