import { createSecretKey, type KeyObject } from 'node:crypto'
import { isMap, isScalar, parseDocument, type YAMLMap } from 'yaml'

/** Bytes of a key: AES-256. */
export const KEY_BYTES = 32

/**
 * Ids of keys. They stand beside whatever is encrypted, in logs and in error messages. Shorter than a key in Base64, so
 * that a key which stands in the place of its id is refused and not shown.
 */
export const KEY_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$/
export const KEY_ID_FORM = '1 to 32 letters, digits, ".", "_" and "-", the first a letter or a digit'

/** The only sort of key here. Printing it shows no bytes of it. */
export interface RingKey {
  readonly id: string
  readonly secret: KeyObject
}

/** Whether two objects are one key under one id. */
export function sameKey(a: RingKey, b: RingKey | undefined): boolean {
  return b !== undefined && a.id === b.id && a.secret.equals(b.secret)
}

/** Keys by id, one of which encrypts; all of them decrypt. Never changes: a file that changed makes another one. */
export class KeyRing {
  readonly current: RingKey
  readonly #keys: ReadonlyMap<string, RingKey>

  /** @throws {Error} when `current` names none of the keys */
  constructor(current: string, keys: ReadonlyMap<string, RingKey>) {
    const key = keys.get(current)
    if (key === undefined) throw new Error('"current" names none of the keys')
    this.current = key
    this.#keys = keys
  }

  get(id: string): RingKey | undefined {
    return this.#keys.get(id)
  }

  /** In the order of the file. */
  get ids(): readonly string[] {
    return [...this.#keys.keys()]
  }
}

/** Where ciphers take keys from; `current` is undefined while there are none, and another object when they changed. */
export interface KeySource {
  readonly current: KeyRing | undefined
}

/**
 * Reads `{ current: <id>, keys: { <id>: <32 bytes in Base64> } }`, YAML or JSON.
 * @throws {Error} whose message holds nothing of the text but ids of keys
 */
export function parseKeyRing(text: string): KeyRing {
  const map = mapOf(text)
  for (const { key } of map.items) {
    const name = isScalar(key) ? key.value : undefined
    if (name !== 'current' && name !== 'keys') throw new Error('has a member that is neither "current" nor "keys"')
  }
  const current = map.get('current')
  const keys = map.get('keys')
  if (typeof current !== 'string') throw new Error('"current" is missing, or not the id of a key')
  if (!isMap(keys)) throw new Error('"keys" is missing, or not a map of ids and keys')
  return new KeyRing(current, ringKeys(keys))
}

/** Every scalar as the text that stands there: an id of digits is no number. */
function mapOf(text: string): YAMLMap {
  const document = parseDocument(text, { schema: 'failsafe', prettyErrors: false })
  const [error] = document.errors
  // The parser's messages quote the text.
  if (error?.code === 'DUPLICATE_KEY') throw new Error('has a member twice')
  if (error !== undefined) throw new Error('neither YAML nor JSON')
  if (!isMap(document.contents)) throw new Error('not a map with "current" and "keys"')
  return document.contents
}

function ringKeys(map: YAMLMap): Map<string, RingKey> {
  const keys = new Map<string, RingKey>()
  const seen = new Map<string, string>()
  for (const { key, value } of map.items) {
    const id = isScalar(key) ? key.value : undefined
    if (typeof id !== 'string' || !KEY_ID.test(id)) throw new Error(`the id of a key is not ${KEY_ID_FORM}`)
    const bytes = keyBytes(isScalar(value) ? value.value : undefined)
    if (bytes === undefined) throw new Error(`key ${id} is not ${KEY_BYTES} bytes in Base64`)
    if (bytes.every((byte) => byte === bytes[0])) throw new Error(`key ${id} is a placeholder: all its bytes are equal`)
    const text = bytes.toString('base64')
    const twin = seen.get(text)
    // Whoever copies a line to rotate would go on with the key that was to be replaced.
    if (twin !== undefined) throw new Error(`keys ${twin} and ${id} are the same`)
    seen.set(text, id)
    keys.set(id, { id, secret: createSecretKey(bytes) })
  }
  return keys
}

/** Base64 or Base64url in its one right spelling; undefined for anything else. */
function keyBytes(text: unknown): Buffer | undefined {
  if (typeof text !== 'string') return undefined
  const encoding = /[-_]/.test(text) || !text.endsWith('=') ? 'base64url' : 'base64'
  const bytes = Buffer.from(text, encoding)
  return bytes.length === KEY_BYTES && bytes.toString(encoding) === text ? bytes : undefined
}
