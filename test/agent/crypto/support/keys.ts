import { renameSync, writeFileSync } from 'node:fs'
import { type KeyRing, parseKeyRing } from '../../../../agent/crypto/key-ring.ts'

/** The key of Temporal's samples, which no one should use. */
export const SAMPLE_KEY = Buffer.from('test-key-test-key-test-key-test!')

/** A key that is the same in every run; of each letter another. */
export function testKey(letter: string): string {
  return Buffer.from(`${letter}-0123456789-0123456789-012345678`.slice(0, 32)).toString('base64')
}

/** The text of a file with these keys, the first of them current. */
export function keysText(...ids: readonly string[]): string {
  return JSON.stringify({ current: ids[0], keys: Object.fromEntries(ids.map((id) => [id, testKey(id)])) })
}

export function ringOf(...ids: readonly string[]): KeyRing {
  return parseKeyRing(keysText(...ids))
}

/** As editors and Kubernetes do: a whole file takes the place of the old one. */
export function replaceKeys(path: string, ...ids: readonly string[]): void {
  writeFileSync(`${path}.draft`, keysText(...ids), { mode: 0o600 })
  renameSync(`${path}.draft`, path)
}
