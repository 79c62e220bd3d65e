import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { Document, parseDocument } from 'yaml'
import { ConfigError, problem } from '../config/problem.ts'
import { changeSecretFile } from './change-secret-file.ts'
import { KEY_FILE_HINT } from './key-file.ts'
import { KEY_BYTES, KEY_ID, KEY_ID_FORM, type KeyRing, parseKeyRing } from './key-ring.ts'

/** What a file of keys holds, but for the keys. */
export interface KeyFileState {
  readonly current: string
  readonly ids: readonly string[]
}

const HEAD = ' Keys of encrypted payloads: a secret. Old keys read what they have encrypted; docs/encryption.md.'

/** @throws {ConfigError} when the file cannot be used */
export function readKeyFile(file: string): KeyFileState {
  return guarded(file, () => stateOf(parseKeyRing(readFileSync(file, 'utf8'))))
}

/**
 * Adds a new random key; makes the file where there is none. The first key is the current one. Another becomes so when
 * `makeCurrent` says it, which is right only where no other process encrypts or decrypts with a copy of the file.
 *
 * @throws {ConfigError} when the file cannot be used or written, or has a key of that id
 */
export function createPayloadKey(file: string, id: string, makeCurrent: boolean): KeyFileState {
  return edit(file, (document, ring) => {
    if (!KEY_ID.test(id)) throw new Error(`the id of a key is ${KEY_ID_FORM}`)
    if (ring?.get(id) !== undefined) throw new Error(`there is a key ${id} already`)
    document.setIn(['keys', id], randomBytes(KEY_BYTES).toString('base64'))
    if (ring === undefined || makeCurrent) document.setIn(['current'], id)
  })
}

/**
 * Lets a key of the file encrypt from now on.
 * @throws {ConfigError} when the file cannot be used or written, or has no such key
 */
export function usePayloadKey(file: string, id: string): KeyFileState {
  return edit(file, (document, ring) => {
    if (ring?.get(id) === undefined) throw new Error('there is no key of that id')
    document.setIn(['current'], id)
  })
}

/**
 * Takes a key out. What it has encrypted cannot be read again.
 * @throws {ConfigError} when the file cannot be used or written, has no such key, or encrypts with it
 */
export function removePayloadKey(file: string, id: string): KeyFileState {
  return edit(file, (document, ring) => {
    if (ring?.get(id) === undefined) throw new Error('there is no key of that id')
    if (ring.current.id === id) throw new Error(`key ${id} is the current one: use another one first`)
    document.deleteIn(['keys', id])
  })
}

/** An id for a key that was made now: its day, and a number when it is not the first one of the day. */
export function newKeyId(file: string, now: Date): string {
  const day = `k${now.toISOString().slice(0, 10)}`
  let ids: readonly string[] = []
  try {
    ids = readKeyFile(file).ids
  } catch {
    // Not there yet; or not usable, which adding the key is going to say.
  }
  for (let n = 1; ; n++) {
    const id = n === 1 ? day : `${day}.${n}`
    if (!ids.includes(id)) return id
  }
}

function edit(file: string, change: (document: Document, ring: KeyRing | undefined) => void): KeyFileState {
  return guarded(file, () => {
    changeSecretFile(file, (before) => {
      const ring = before === undefined ? undefined : parseKeyRing(before)
      const document = before === undefined ? newDocument() : parseDocument(before, { schema: 'failsafe' })
      change(document, ring)
      const text = textFor(document, before)
      // Nothing is written that the agent would not take.
      parseKeyRing(text)
      return text
    })
    return readKeyFile(file)
  })
}

function newDocument(): Document {
  const document = new Document({ current: '', keys: {} })
  document.commentBefore = HEAD
  return document
}

/** A file in JSON stays one that readers of JSON take. */
function textFor(document: Document, before: string | undefined): string {
  try {
    if (before !== undefined && typeof JSON.parse(before) === 'object') {
      return `${JSON.stringify(document.toJS(), null, 2)}\n`
    }
  } catch {
    // YAML.
  }
  return document.toString({ lineWidth: 0 })
}

function stateOf({ current, ids }: KeyRing): KeyFileState {
  return { current: current.id, ids }
}

function guarded<T>(file: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    const at = { code: 'CONFIG_INVALID', file, line: 0, column: 0 } as const
    throw new ConfigError([problem({ ...at, message: (error as Error).message, hint: KEY_FILE_HINT })])
  }
}
