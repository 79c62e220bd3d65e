import { defaults } from '../identity/config.ts'
import type { VerificationKey } from '../identity/jwk.ts'
import { KeySet } from '../identity/key-set.ts'
import { KeyManager } from '../identity/keys.ts'
import type { Log } from '../identity/log.ts'
import { WatchedFile } from '../secrets/secret-file.ts'
import { ENVELOPE_ALGORITHMS } from './envelope.ts'
import { parseVerificationKeys } from './key-text.ts'

/** `actor.verifyKeys` of agent.yaml: a file with public keys, or the URL of a JWK Set. */
export type VerifyKeysConfig = { readonly file: string } | { readonly jwks: string }

/** Why no key is at hand. */
export type NoVerificationKey = 'unknown_key' | 'alg_not_allowed' | 'keys_unavailable'

/** The public keys of the agents, as a worker knows them. */
export interface VerificationKeys {
  /** Begins to read them, and to follow changes. Never rejects. */
  start(): Promise<void>
  /** The key that a kid names, if it is there and may verify with that algorithm. */
  find(kid: string, alg: string): VerificationKey | NoVerificationKey
  /** Looks again, because a key was not there: a rotation may have been faster than the next look. Never rejects. */
  refresh(): Promise<void>
  close(): void
}

export interface VerificationKeysOptions {
  readonly log: Log
  /** Milliseconds between two looks at a file. */
  readonly pollMs?: number
}

export function openVerificationKeys(config: VerifyKeysConfig, options: VerificationKeysOptions): VerificationKeys {
  return 'file' in config ? new KeyFile(config.file, options) : new KeyUrl(config.jwks, options.log)
}

class KeyFile implements VerificationKeys {
  readonly #file: WatchedFile<KeySet>

  constructor(path: string, options: VerificationKeysOptions) {
    this.#file = new WatchedFile({ path, parse: (text) => new KeySet(parseVerificationKeys(text)), ...options })
  }

  start(): Promise<void> {
    return this.#file.start()
  }

  find(kid: string, alg: string): VerificationKey | NoVerificationKey {
    return this.#file.value === undefined ? 'keys_unavailable' : one(this.#file.value.candidates(kid, alg))
  }

  refresh(): Promise<void> {
    return this.#file.refresh()
  }

  close(): void {
    this.#file.close()
  }
}

class KeyUrl implements VerificationKeys {
  readonly #manager: KeyManager

  constructor(jwks: string, log: Log) {
    // The key manager knows providers; of this one only its keys are ever asked for.
    const provider = {
      ...defaults,
      name: 'actor.verifyKeys',
      issuer: jwks,
      jwksUri: jwks,
      audience: ['-'],
      algorithms: ENVELOPE_ALGORITHMS,
    }
    this.#manager = new KeyManager(provider, { log })
  }

  start(): Promise<void> {
    return this.#manager.refresh()
  }

  find(kid: string, alg: string): VerificationKey | NoVerificationKey {
    return one(this.#manager.find(kid, alg))
  }

  async refresh(): Promise<void> {
    await this.#manager.awaitMissing('unknown_key')
  }

  close(): void {
    this.#manager.close()
  }
}

function one(found: readonly VerificationKey[] | NoVerificationKey): VerificationKey | NoVerificationKey {
  return typeof found === 'string' ? found : (found[0] ?? 'unknown_key')
}
