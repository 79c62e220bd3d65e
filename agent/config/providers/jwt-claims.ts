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
    subject: claimPath.optional(),
    tenant: claimPath.optional(),
    roles: claimPath.optional(),
    scopes: claimPath.optional(),
    variables: variables.optional(),
  })
  .prefault({})

const scalar = z.union([z.string().min(1), z.number(), z.boolean()])

const requiredClaim = z
  .strictObject({
    claim: claimPath,
    values: z.union([scalar.transform((one) => [one]), z.array(scalar).min(1)]).optional(),
    patterns: oneOrMore(text).optional(),
  })
  .transform(({ claim, values, patterns }) => ({
    path: claim,
    ...(values !== undefined && { values }),
    ...(patterns !== undefined && { patterns }),
  }))

/** `requiredClaims`: all must hold. */
export const requiredClaims = z.array(requiredClaim).max(64).optional()

/** `roleMap`: what the roles claim holds, and the role or roles it means here. */
export const roleMap = z.record(text, oneOrMore(text)).optional()
