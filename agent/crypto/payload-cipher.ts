import proto from '@temporalio/proto'
import type { Log } from '../identity/log.ts'
import { decrypt, encrypt, TAG_BYTES } from './aes-gcm.ts'
import { CipherError } from './cipher-error.ts'
import { KEY_ID, type KeySource, type RingKey, sameKey } from './key-ring.ts'
import { NONCE_BYTES, writeNonce } from './nonces.ts'

export type Payload = proto.temporal.api.common.v1.IPayload

const { Payload: PayloadType } = proto.temporal.api.common.v1

const ENCODING = 'encoding'
const ENCRYPTED = Buffer.from('binary/encrypted')
const KEY_ID_FIELD = 'encryption-key-id'

/**
 * Payloads of one process under one key at which the log says that it is time for another one. Nonces of 96 random bits
 * repeat with a probability of n² / 2^97; NIST SP 800-38D allows 2^32 of them, of all processes together.
 */
const WARN_AT = 2 ** 31

export interface PayloadCipherOptions {
  readonly log?: Log
  /** Payloads under one key; 2^31 when absent. */
  readonly warnAt?: number
}

/**
 * Encrypts payloads as the encryption samples of Temporal's SDKs do, so that SDKs and codec servers that follow them read
 * these, and the other way round: metadata `encoding: binary/encrypted` and `encryption-key-id`, data = nonce (96 random
 * bits), AES-256-GCM of the serialised payload, tag. Nothing binds a payload to its place: the format has no room for it.
 *
 * A nonce must never repeat under one key. See {@link WARN_AT} for how long a key may be used.
 */
export class PayloadCipher {
  readonly #keys: KeySource
  readonly #log: Log | undefined
  readonly #warnAt: number
  #key: RingKey | undefined
  #metadata: Record<string, Uint8Array> = {}
  #encrypted = 0

  constructor(keys: KeySource, { log, warnAt = WARN_AT }: PayloadCipherOptions = {}) {
    this.#keys = keys
    this.#log = log
    this.#warnAt = warnAt
  }

  /**
   * The payload, encrypted with the current key. An encrypted one is encrypted once more.
   * @throws {CipherError} `keys_unavailable`
   */
  encode(payload: Payload): Payload {
    const key = this.#take()
    const head = Buffer.allocUnsafe(NONCE_BYTES)
    writeNonce(head)
    const data = encrypt(key.secret, head, PayloadType.encode(payload).finish(), head)
    // Each has a map of its own: what becomes of a payload must not reach the others.
    return { metadata: { ...this.#metadata }, data }
  }

  /**
   * What {@link encode} was given. A payload that is not encrypted is given back as it is, so that encryption can be
   * switched on while workflows run.
   * @throws {CipherError}
   */
  decode(payload: Payload): Payload {
    const { metadata, data } = payload
    if (!isEncrypted(payload)) return payload
    const id = textOf(metadata?.[KEY_ID_FIELD])
    if (id === undefined || !data || data.length < NONCE_BYTES + TAG_BYTES) throw new CipherError('malformed')
    const ring = this.#keys.current
    // What is no id of ours may be anything, and must not get into logs.
    const named = KEY_ID.test(id) ? id : undefined
    if (ring === undefined) throw new CipherError('keys_unavailable', named)
    const key = ring.get(id)
    if (key === undefined) throw new CipherError('unknown_key', named)
    const plain = decrypt(key.secret, data.subarray(0, NONCE_BYTES), data.subarray(NONCE_BYTES))
    if (plain === undefined) throw new CipherError('tampered', id)
    try {
      return PayloadType.decode(plain)
    } catch {
      // Encrypted with the key, but not by anything that serialises payloads.
      throw new CipherError('malformed', id)
    }
  }

  #take(): RingKey {
    const key = this.#keys.current?.current
    if (key === undefined) throw new CipherError('keys_unavailable')
    // The same key may come in another object: the file has changed around it.
    if (key !== this.#key && !sameKey(key, this.#key)) {
      this.#metadata = { [ENCODING]: ENCRYPTED, [KEY_ID_FIELD]: Buffer.from(key.id) }
      this.#encrypted = 0
    }
    this.#key = key
    this.#encrypted++
    if (this.#encrypted % this.#warnAt === 0) {
      this.#log?.warn({ keyId: key.id, payloads: this.#encrypted }, 'this key has encrypted much: make another current')
    }
    return key
  }
}

/** Whether a payload says of itself that it is encrypted. */
export function isEncrypted({ metadata }: Payload): boolean {
  const encoding = metadata?.[ENCODING]
  return encoding !== undefined && ENCRYPTED.equals(encoding)
}

function textOf(bytes: Uint8Array | undefined): string | undefined {
  return bytes === undefined ? undefined : Buffer.from(bytes).toString('utf8')
}
