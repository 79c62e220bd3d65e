import { type KeyObject, randomBytes } from 'node:crypto'
import { Lru } from '../identity/lru.ts'
import { decrypt, encrypt } from './aes-gcm.ts'
import { CipherError } from './cipher-error.ts'
import { KEY_ID, type KeyRing, type KeySource, type RingKey, sameKey } from './key-ring.ts'
import { NONCE_BYTES } from './nonces.ts'
import { headTemplate, MAX_COUNT, setCounter, splitRow } from './row-format.ts'
import { rowKey, SALT_BYTES } from './row-key.ts'

/** Derived keys that are kept: each run of the process left one behind. */
const KEPT = { maxEntries: 64, maxBytes: Number.POSITIVE_INFINITY }

/** What this process seals with: a salt of its own, and how often it has been used. */
interface Sealing {
  readonly key: RingKey
  readonly secret: KeyObject
  readonly head: Buffer
  readonly nonce: Buffer
  count: number
}

export interface RowCipherOptions {
  /** Seals under one salt; 2^32 when absent, and never more. */
  readonly sealsPerSalt?: number
}

/**
 * Encrypts rows of the outbox with AES-256-GCM, each bound to the id of its row: a text that was moved to another row does
 * not open. Rows are many, so their nonces are not drawn but counted, under a key that is derived for each run of the
 * process: there is no number of rows after which a key has to be replaced.
 *
 * Synchronous, for one thread. Does not bind the rows to each other: that a row is gone, or was put back, does not show.
 */
export class RowCipher {
  readonly #keys: KeySource
  readonly #perSalt: number
  #sealing: Sealing | undefined
  /** Of `#derived`: keys of another ring are not to be used. */
  #ring: KeyRing | undefined
  readonly #derived = new Lru<KeyObject>(KEPT)

  constructor(keys: KeySource, { sealsPerSalt = MAX_COUNT }: RowCipherOptions = {}) {
    this.#keys = keys
    this.#perSalt = Math.min(sealsPerSalt, MAX_COUNT)
  }

  /**
   * @param row what the row is known by, for as long as it lives
   * @throws {CipherError} `keys_unavailable`
   */
  seal(text: string, row: string): Uint8Array {
    const sealing = this.#current()
    setCounter(sealing.head, sealing.nonce, sealing.count++)
    return encrypt(sealing.secret, sealing.nonce, Buffer.from(text), sealing.head, bound(sealing.head, row))
  }

  /**
   * The text that was sealed for this row.
   * @throws {CipherError} for every row that cannot be read, whatever its bytes
   */
  open(bytes: Uint8Array, row: string): string {
    const parts = splitRow(bytes)
    if (parts === undefined || !KEY_ID.test(parts.keyId)) throw new CipherError('malformed')
    const { keyId, nonce, sealed } = parts
    const plain = decrypt(this.#derive(keyId, parts.salt), nonce, sealed, bound(parts.bytes, row))
    if (plain === undefined) throw new CipherError('tampered', keyId)
    return plain.toString('utf8')
  }

  /** The current key under a salt that has seals left. */
  #current(): Sealing {
    const key = this.#keys.current?.current
    if (key === undefined) throw new CipherError('keys_unavailable')
    const { key: used, count } = this.#sealing ?? { key: undefined, count: 0 }
    if (this.#sealing !== undefined && count < this.#perSalt && (key === used || sameKey(key, used)))
      return this.#sealing
    const salt = randomBytes(SALT_BYTES)
    const fresh = { key, secret: rowKey(key, salt), head: headTemplate(key.id, salt), nonce: Buffer.alloc(NONCE_BYTES) }
    this.#sealing = { ...fresh, count: 0 }
    return this.#sealing
  }

  #derive(keyId: string, salt: Buffer): KeyObject {
    const ring = this.#keys.current
    if (ring === undefined) throw new CipherError('keys_unavailable', keyId)
    if (ring !== this.#ring) {
      this.#derived.clear()
      this.#ring = ring
    }
    const name = keyId + salt.toString('latin1')
    const known = this.#derived.get(name)
    if (known !== undefined) return known
    const key = ring.get(keyId)
    if (key === undefined) throw new CipherError('unknown_key', keyId)
    const derived = rowKey(key, salt)
    this.#derived.set(name, derived, 0)
    return derived
  }
}

/** Head and row: the head tells its own length, so that no other pair makes the same bytes. */
function bound(head: Buffer, row: string): Buffer {
  return Buffer.concat([head, Buffer.from(row)])
}
