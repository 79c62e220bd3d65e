import { z } from 'zod'
import { optionalFields, redactableFields } from '../audit/fields.ts'
import { refuse, text } from './fields.ts'
import { pseudonymKey } from './pseudonym.ts'

/** What lets somebody be recognised: at odds with `pseudonymise`. */
const NAMING: ReadonlySet<string> = new Set(['user.name', 'user.full_name', 'user.email', 'temporal.workflow_id'])

const SHARE = { message: 'expected all, none, or a share such as 0.01' }

/** Audit records: where they go and what is in them. Denials are always written. */
export const audit = z
  .strictObject({
    to: z
      .union(
        [
          z.literal('stdout'),
          z.strictObject({ file: text.describe('File that lines are added to, relative to agent.yaml') }),
        ],
        {
          message: 'expected stdout or { file: <path> }',
        },
      )
      .describe('Where records go: stdout, or a file'),
    format: z
      .enum(['ecs', 'ocsf'])
      .default('ecs')
      .describe('Names of the fields: Elastic Common Schema, or Open Cybersecurity Schema Framework'),
    allow: z
      .union([z.literal('all'), z.literal('none'), z.number().gt(0, SHARE).lt(1, SHARE)], SHARE)
      .default('all')
      .describe(
        'Allowed requests that are recorded: all, none, or a share; the id of the request chooses, so that all agents choose alike',
      ),
    deny: z
      .literal('all', { message: 'denials are always written' })
      .default('all')
      .describe('Denials are always recorded'),
    fields: z.array(z.enum(optionalFields)).default([]).describe('Fields that are written only when asked for'),
    pseudonymise: z
      .boolean()
      .default(false)
      .describe('Whether callers appear as user.hash, a keyed hash, instead of user.id; needs "pseudonyms"'),
    redact: z
      .partialRecord(z.enum(redactableFields), z.enum(['drop', 'hash']))
      .default({})
      .describe('Fields that are left out, or replaced by a keyed hash'),
    pseudonyms: pseudonymKey
      .optional()
      .describe('The key of "pseudonymise", "hash" and the fingerprints of credentials'),
    maxQueue: z
      .int()
      .min(100)
      .max(1_000_000)
      .default(10_000)
      .describe('Records that may wait to be written; beyond it they are dropped and counted'),
  })
  .superRefine((value, ctx) => {
    const hashes = Object.values(value.redact).includes('hash')
    if ((value.pseudonymise || hashes) && value.pseudonyms === undefined) {
      refuse(ctx, 'CONFIG_MISSING', '"pseudonymise" and "hash" need "pseudonyms": { keyId: k1, secret: { file: … } }')
    }
    const naming = value.fields.find((field) => NAMING.has(field))
    if (value.pseudonymise && naming !== undefined) {
      refuse(ctx, 'CONFIG_CONFLICT', `"pseudonymise" and the field "${naming}", which names the caller`)
    }
  })

export type AuditSettings = z.output<typeof audit>
