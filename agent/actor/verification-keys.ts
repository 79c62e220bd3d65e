import type { VerificationKey } from '../identity/jwk.ts'
import { KeySet } from '../identity/key-set.ts'
import { KeyManager, type NoKey } from '../identity/keys.ts'
import type { Log } from '../identity/log.ts'
import { type FileTimes, WatchedFile } from '../secrets/secret-file.ts'
import { parseVerificationKeys } from './key-text.ts'

/** `actor.verifyKeys` of agent.yaml: a file with public keys, or the URL of a JWK Set. */
export type VerifyKeysConfig = { readonly file: string } | { readonly jwks: string }

/** The public keys of the agents, as a worker knows them. */
export interface VerificationKeys {
  /** Begins to read them, and to follow changes. Never rejects. */
  start(): Promise<void>
  /** The key that a kid names, if it is there and may verify with that algorithm. */
  find(kid: string, alg: string): VerificationKey | NoKey
  /** Looks again, because a key was not there: a rotation may have been faster than the next look. Never rejects. */
  refresh(): Promise<void>
  close(): void
}

export interface VerificationKeysOptions extends FileTimes {
  readonly log: Log
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

  find(kid: string, alg: string): VerificationKey | NoKey {
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
    this.#manager = new KeyManager({ name: 'actor.verifyKeys', issuer: jwks, jwksUri: jwks }, { log })
  }

  start(): Promise<void> {
    return this.#manager.refresh()
  }

  find(kid: string, alg: string): VerificationKey | NoKey {
    return one(this.#manager.find(kid, alg))
  }

  async refresh(): Promise<void> {
    await this.#manager.awaitMissing('unknown_key')
  }

  close(): void {
    this.#manager.close()
  }
}

function one(found: readonly VerificationKey[] | NoKey): VerificationKey | NoKey {
  return typeof found === 'string' ? found : (found[0] ?? 'unknown_key')
}
