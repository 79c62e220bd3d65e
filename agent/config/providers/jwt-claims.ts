import { z } from 'zod'
import { RESERVED_VARIABLES } from '../../rules/variables.ts'
import { claimPath, oneOrMore, refuse, text, variable } from '../fields.ts'

/** Variables that one provider may set. */
const MAX_VARIABLES = 32

const variables = z.record(variable, claimPath).superRefine((value, ctx) => {
  const names = Object.keys(value)
  if (names.length > MAX_VARIABLES) refuse(ctx, 'CONFIG_INVALID', `at most ${MAX_VARIABLES} variables`)
  for (const name of names) {
    if (RESERVED_VARIABLES.has(name))
      refuse(ctx, 'CONFIG_CONFLICT', `the variable "${name}" is set by the agent itself`)
  }
})

/** `claims`: where a token carries what we need. What is left out, the preset says. */
export const claims = z
  .strictObject({
    subject: claimPath.optional().describe('Claim that names the caller; must be there'),
    tenant: claimPath.optional().describe('Claim that gives identity.tenant, a string or a whole number'),
    roles: claimPath.optional().describe('Claim that gives identity.roles: a list, or a string as one role'),
    scopes: claimPath.optional().describe('Claim that gives identity.scopes; without it "scope" and "scp" are read'),
    variables: variables.optional().describe('Variables of HAProxy by name, and the claims they come from'),
  })
  .prefault({})
  .describe('Where a token carries what rules need; the preset tells what is left out')

const scalar = z.union([z.string().min(1), z.number(), z.boolean()])

const requiredClaim = z
  .strictObject({
    claim: claimPath.describe('The claim: a name, or a list that leads to a nested one'),
    values: z
      .union([scalar.transform((one) => [one]), z.array(scalar).min(1)])
      .optional()
      .describe('What it must equal, by type too: one of these'),
    patterns: oneOrMore(text).optional().describe('What it must look like: one of these, "*" for any characters'),
  })
  .superRefine(({ values = [] }, ctx) => {
    if (values.every((value) => !Number.isInteger(value) || Number.isSafeInteger(value))) return
    refuse(
      ctx,
      'CONFIG_INVALID',
      'a whole number beyond 9007199254740991 is rounded when it is read, here as in a token: others would be equal to it',
      ['values'],
    )
  })
  .transform(({ claim, values, patterns }) => ({
    path: claim,
    ...(values !== undefined && { values }),
    ...(patterns !== undefined && { patterns }),
  }))

/** `requiredClaims`: all must hold. */
export const requiredClaims = z
  .array(requiredClaim)
  .max(64)
  .describe('Conditions on claims, all of which must hold; they come on top of what a preset demands')
  .optional()

/** `roleMap`: what the roles claim holds, and the role or roles it means here. */
export const roleMap = z
  .record(text, oneOrMore(text))
  .describe('What the roles claim holds, and the role or roles that it means here')
  .optional()
