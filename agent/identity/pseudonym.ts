import { createHmac, createSecretKey, type KeyObject, randomBytes } from 'node:crypto'
import { Secret } from '../secrets/secret.ts'
import type { Identity } from './identity.ts'

/** Characters of a pseudonym's hash: 132 bits, more than enough to tell callers apart. */
const HASH_CHARACTERS = 22

/** Characters a key must have. With a short one, names could be found by trying. */
export const MIN_KEY_CHARACTERS = 16

/** Id of a key that agent.yaml gives: letters and digits, so that the dot behind it ends it. */
export const KEY_ID = /^[A-Za-z0-9]{1,16}$/

/** Whatever holds the key's secret now: a `SecretSource`, or something fixed. */
export interface KeyMaterial {
  /** Undefined while it could never be read. */
  readonly current: Secret | undefined
}

/**
 * A key that pseudonyms are made with, and its id, which stands in front of them: after a change of keys it tells which
 * one a pseudonym was made with (`k1.…`, `k2.…`). Whoever destroys the key makes its pseudonyms anonymous.
 */
export class PseudonymKey {
  readonly id: string
  readonly #material: KeyMaterial
  #secret: Secret | undefined
  #key: KeyObject | undefined

  constructor(id: string, material: KeyMaterial) {
    this.id = id
    this.#material = material
  }

  /** A key of this process alone: its pseudonyms mean nothing to other agents, nor after a restart. */
  static random(): PseudonymKey {
    return new PseudonymKey('r', { current: new Secret(randomBytes(32).toString('base64url')) })
  }

  /** The key now; another object after the secret has changed. Undefined while there is none, or it is too short. */
  get key(): KeyObject | undefined {
    const secret = this.#material.current
    if (secret !== this.#secret) {
      this.#secret = secret
      const text = secret?.reveal() ?? ''
      this.#key = text.length < MIN_KEY_CHARACTERS ? undefined : createSecretKey(text, 'utf8')
    }
    return this.#key
  }
}

/**
 * A name for somebody that tells nothing about him to those without the key, and is the same everywhere the key is: the
 * key's id, a dot, and 22 characters of base64url(HMAC-SHA256). A plain hash of an e-mail address is found by trying a
 * list of addresses; this one is not.
 *
 * @param kind what it is for: pseudonyms of two kinds cannot be joined
 * @param authority within what `subject` is unique: the provider
 * @returns undefined while there is no key
 */
export function pseudonym(key: PseudonymKey, kind: string, authority: string, subject: string): string | undefined {
  const hash = keyedHash(key.key, kind, authority, subject)
  return hash === undefined ? undefined : `${key.id}.${hash}`
}

/** The caller in places that must not name him: audit records and search attributes alike, so that they can be joined. */
export function actorPseudonym(key: PseudonymKey, provider: string, subject: string): string | undefined {
  return pseudonym(key, 'actor', provider, subject)
}

/**
 * Makes keys for rate limits and stick-tables of HAProxy: 22 characters that name a caller, without telling who it is.
 * The same on all agents and after a restart if they share the key. Computed once for each identity object; afterwards
 * a map lookup. Gives undefined while there is no key.
 */
export function createRateLimitKey(key: PseudonymKey): (identity: Identity) => string | undefined {
  let known = new WeakMap<Identity, string>()
  let madeWith: KeyObject | undefined
  return (identity) => {
    const current = key.key
    if (current !== madeWith) {
      known = new WeakMap()
      madeWith = current
    }
    let value = known.get(identity)
    if (value === undefined) {
      value = keyedHash(current, 'rlkey', identity.provider, identity.subject)
      if (value !== undefined) known.set(identity, value)
    }
    return value
  }
}

/** Lengths stand in front, so that no two triples concatenate alike. */
function keyedHash(key: KeyObject | undefined, kind: string, authority: string, subject: string): string | undefined {
  if (key === undefined) return undefined
  const text = `${kind.length}:${kind}${authority.length}:${authority}${subject}`
  return createHmac('sha256', key).update(text).digest('base64url').slice(0, HASH_CHARACTERS)
}
