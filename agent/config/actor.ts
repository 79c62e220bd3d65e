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
    subject: hideable.default(DEFAULT_FIELDS.subject),
    tenant: hideable.default(DEFAULT_FIELDS.tenant),
    session: hideable.default(DEFAULT_FIELDS.session),
    roles: optional.default(DEFAULT_FIELDS.roles),
    scopes: optional.default(DEFAULT_FIELDS.scopes),
    credentialId: optional.default(DEFAULT_FIELDS.credentialId),
  })
  .prefault({})

const verifyKeys = z.union(
  [z.strictObject({ file: text }), z.strictObject({ jwks: endpoint('the URL of a key set') })],
  {
    message: 'expected { file: … } or { jwks: … }',
  },
)

/** `actor:` of agent.yaml: what workflows get to know of a caller, and how it is proven to them. */
export const actorSchema = z
  .strictObject({
    signingKey: z.strictObject({ file: text }).optional(),
    lifetime: duration(MINUTE, 90 * DAY).default(DAY),
    verifyKeys: verifyKeys.optional(),
    require: z.boolean().optional(),
    pseudonyms: z
      .strictObject({
        keyId: z.string().regex(KEY_ID, { message: 'expected letters and digits, 16 at most' }).default('k1'),
        secret,
      })
      .optional(),
    fields,
    searchAttributes: z.boolean().default(false),
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
