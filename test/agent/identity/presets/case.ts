import type { Identity } from '../../../../agent/identity/identity.ts'
import { NOW } from './support.ts'

/** Dates of a token that is good now. */
export const dates = { iat: NOW - 10, nbf: NOW - 10, exp: NOW + 300 }

/** A changed token and what becomes of it. */
export interface Trap {
  readonly what: string
  readonly change: object
  readonly typ?: string | undefined
  readonly reason: string
}

/** One with a claim that the preset, or what is set beside it, does not take. */
export function invalid(what: string, change: object): Trap {
  return { what, change, reason: 'claim_invalid' }
}

/** A preset as agent.yaml has it, and a token as its provider makes it. */
export interface PresetCase {
  readonly preset: string
  readonly yaml: string
  readonly typ: string | undefined
  readonly claims: Record<string, unknown>
  readonly identity: Partial<Identity>
  readonly traps: readonly Trap[]
}
