import { setImmediate } from 'node:timers/promises'
import { type Authenticated, authenticated, identityOf } from '../identity.ts'
import { parseExpiry } from './expiry.ts'
import type { KeyEntry } from './key-entry.ts'
import { KeyFileError, parseKeyFile } from './key-file.ts'
import { digestOf, HASH_PATTERN, type HashKind } from './key-hash.ts'

/** Some milliseconds of work. */
const ENTRIES_AT_ONCE = 100

/** A key of the file, ready for use. */
export interface KnownKey {
  readonly disabled: boolean
  /** Milliseconds since the epoch; Infinity when it never expires. */
  readonly expiresAtMs: number
  /** The identity of whoever shows it. @param digest SHA-256 of the key, base64url: the same at every call */
  identity(digest: string): Authenticated
}

/** The keys of a file by their digests. Looking up a digest tells nothing by its time: who does not have the key cannot choose it. */
export class KeySet {
  readonly #plain = new Map<string, KnownKey>()
  readonly #peppered = new Map<string, KnownKey>()

  /**
   * Reads a file of keys, and lets requests pass between its entries.
   * @throws {KeyFileError} whatever is wrong with the text, without a word of it
   */
  static async of(text: string, provider: string, hasPepper: boolean): Promise<KeySet> {
    const keys = new KeySet()
    let entries = 0
    for (const { entry, line } of parseKeyFile(text)) {
      const [, kind, hex = ''] = HASH_PATTERN.exec(entry.hash) ?? []
      if ((kind as HashKind) === 'sha256') keys.#plain.set(digestOf(hex), knownKey(entry, provider))
      else if (hasPepper) keys.#peppered.set(digestOf(hex), knownKey(entry, provider))
      else throw new KeyFileError(line, '"hash": "hmac-sha256:" needs a "pepper" in agent.yaml')
      if (++entries % ENTRIES_AT_ONCE === 0) await setImmediate()
    }
    return keys
  }

  get size(): number {
    return this.#plain.size + this.#peppered.size
  }

  /** Whether a key that {@link plain} does not know may be a peppered one. */
  get needsPepper(): boolean {
    return this.#peppered.size > 0
  }

  plain(digest: string): KnownKey | undefined {
    return this.#plain.get(digest)
  }

  peppered(digest: string): KnownKey | undefined {
    return this.#peppered.get(digest)
  }
}

function knownKey(entry: KeyEntry, provider: string): KnownKey {
  const expiresAtMs = entry.expires === undefined ? Infinity : (parseExpiry(entry.expires) ?? 0)
  let made: Authenticated | undefined
  return {
    disabled: entry.disabled,
    expiresAtMs,
    identity(digest) {
      made ??= authenticated(
        identityOf({
          provider,
          method: 'api_key',
          issuer: provider,
          subject: entry.owner,
          tenant: entry.tenant ?? '',
          roles: entry.roles,
          scopes: entry.scopes,
          claims: Object.freeze(Object.assign(Object.create(null) as Record<string, unknown>, { id: entry.id })),
          expiresAt: expiresAtMs / 1000,
          credentialId: entry.id,
          digest,
        }),
      )
      return made
    },
  }
}
