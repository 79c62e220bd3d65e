import { importVetted, KeyRefused, type VerificationKey, type VettedKey } from './jwk.ts'
import { isObject } from './plain-json.ts'
import { FetchError } from './http/fetch-error.ts'

/** Candidates tried for a token without kid: each costs a verification, and the attacker leaves kid out. */
const MAX_CANDIDATES = 3

/** The usable keys of one provider at one time; never changed, only replaced. */
export class KeySet {
  readonly #keys: readonly VerificationKey[]
  readonly #byKid = new Map<string, VerificationKey>()

  constructor(keys: readonly VerificationKey[]) {
    this.#keys = keys
    for (const key of keys) {
      if (key.kid !== undefined) this.#byKid.set(key.kid, key)
    }
  }

  get size(): number {
    return this.#keys.length
  }

  /** {@link VerificationKey.id} of each. */
  get ids(): string[] {
    return this.#keys.map((key) => key.id)
  }

  /** Keys a token may have been signed with: the one its kid names, or without kid at most three of the right type. */
  candidates(kid: string | undefined, alg: string): readonly VerificationKey[] | 'unknown_key' | 'alg_not_allowed' {
    if (kid !== undefined) {
      const key = this.#byKid.get(kid)
      if (key === undefined) return 'unknown_key'
      return key.algorithms.includes(alg) ? [key] : 'alg_not_allowed'
    }
    const fitting = this.#keys.filter((key) => key.algorithms.includes(alg))
    return fitting.length === 0 ? 'unknown_key' : fitting.slice(0, MAX_CANDIDATES)
  }

  /** Same keys under the same names, in whatever order. */
  equals(other: KeySet): boolean {
    return (
      this.size === other.size &&
      this.#keys.every((key) => other.#keys.some((its) => its.id === key.id && its.kid === key.kid))
    )
  }
}

export interface ParsedKeySet {
  readonly set: KeySet
  /** Its keys as a JWK Set, without anything that was not vetted. */
  readonly jwks: { readonly keys: readonly object[] }
  /** Why keys were left out, one text each. */
  readonly refused: readonly string[]
}

/**
 * Reads a JWK Set (RFC 7517 section 5). A bad key costs only itself; of two keys under one kid the first stays.
 * @throws {FetchError} not a JWK Set, too many keys, or none that is usable
 */
export async function parseKeySet(document: unknown, maxKeys: number): Promise<ParsedKeySet> {
  const members = isObject(document) ? document['keys'] : undefined
  if (!Array.isArray(members)) throw new FetchError('the answer is not a JWK Set')
  if (members.length > maxKeys) throw new FetchError(`the JWK Set holds more than ${maxKeys} keys`)
  const keys: VettedKey[] = []
  const refused: string[] = []
  for (const [index, member] of members.entries()) {
    try {
      const key = await importVetted(member)
      if (key.kid !== undefined && keys.some((other) => other.kid === key.kid))
        throw new KeyRefused('its kid is taken by another key')
      // Twice it would be tried twice, and a set of this one and another would look the same to `equals` without the other.
      if (keys.some((other) => other.id === key.id && other.kid === key.kid))
        throw new KeyRefused('it stands there twice')
      keys.push(key)
    } catch (error) {
      refused.push(`keys[${index}]: ${error instanceof KeyRefused ? error.message : 'cannot be read'}`)
    }
  }
  if (keys.length === 0) throw new FetchError(`no usable key in the JWK Set (${refused[0] ?? 'it is empty'})`)
  return { set: new KeySet(keys), jwks: { keys: keys.map((key) => key.jwk) }, refused }
}
