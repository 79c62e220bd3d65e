import { isMap, isNode, isPair, isScalar, isSeq, LineCounter, parseDocument, type Document } from 'yaml'
import type { z } from 'zod'
import { withPlainKeys } from '../json-scan.ts'
import { ENTRY_KEYS, type KeyEntry, keyEntry } from './key-entry.ts'

/** Characters: the YAML parser answers no request meanwhile, for up to 200 ms. More than some 700 keys are JSON lines. */
const MAX_YAML = 128 * 1024

/** Objects and arrays open at once in a line of JSON: an entry has lists. */
const MAX_DEPTH = 2

export type KeyFileForm = 'yaml' | 'json-lines'

/** An entry and the line it begins at, from 1. */
export interface PlacedEntry {
  readonly entry: KeyEntry
  readonly line: number
}

/** Wrong at this line; the message holds nothing of the file, which may be a key that was put into the wrong place. */
export class KeyFileError extends Error {
  override readonly name = 'KeyFileError'

  constructor(line: number, problem: string) {
    super(`line ${line}: ${problem}`)
  }
}

/** JSON lines begin with a brace; a YAML file of keys is a list. */
export function formOf(text: string): KeyFileForm {
  return /^\s*\{/.test(text) ? 'json-lines' : 'yaml'
}

/**
 * The entries of a file of keys, one by one: a YAML list, or one JSON object for each line. No ids and no hashes twice.
 * @throws {KeyFileError} for the first mistake, with its line
 */
export function* parseKeyFile(text: string): Generator<PlacedEntry, void, void> {
  const ids = new Map<string, number>()
  const hashes = new Map<string, number>()
  for (const placed of formOf(text) === 'yaml' ? fromYaml(text) : fromJsonLines(text)) {
    const { entry, line } = placed
    refuseTwice(ids, entry.id, line, 'id')
    refuseTwice(hashes, entry.hash.toLowerCase(), line, 'hash')
    yield placed
  }
}

function refuseTwice(seen: Map<string, number>, value: string, line: number, what: string): void {
  const first = seen.get(value)
  if (first !== undefined) throw new KeyFileError(line, `the same "${what}" as the entry at line ${first}`)
  seen.set(value, line)
}

function* fromJsonLines(text: string): Generator<PlacedEntry, void, void> {
  for (const [index, source] of text.split('\n').entries()) {
    if (source.trim() === '') continue
    const line = index + 1
    // Of two equal keys JSON.parse takes the second: `disabled` could be taken back at the end of a long line.
    const plain = withPlainKeys(source, MAX_DEPTH)
    if (plain === undefined) throw new KeyFileError(line, 'not JSON, or it names a key twice')
    let value: unknown
    try {
      value = JSON.parse(plain)
    } catch {
      throw new KeyFileError(line, 'not JSON')
    }
    yield { entry: checked(value, () => line), line }
  }
}

function fromYaml(text: string): PlacedEntry[] {
  if (text.length > MAX_YAML) throw new KeyFileError(1, `YAML over ${MAX_YAML} characters: write JSON lines instead`)
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true, strict: true, prettyErrors: false })
  const [broken] = document.errors
  if (broken !== undefined) throw new KeyFileError(lines.linePos(broken.pos[0]).line, `not YAML (${broken.code})`)
  const list = document.contents
  // An empty file may be one that is being written; no keys at all is written out.
  if (list === null) throw new KeyFileError(1, 'empty: write [] for no keys')
  if (!isSeq(list)) throw new KeyFileError(1, 'expected a list of keys')
  const values = plain(document)
  return list.items.map((item, index): PlacedEntry => {
    const lineOf = (node: unknown): number => (isNode(node) && node.range ? lines.linePos(node.range[0]).line : 1)
    const line = lineOf(item)
    const at = (path: readonly PropertyKey[]): number => {
      const pair = isMap(item) ? item.items.find((one) => isScalar(one.key) && one.key.value === path[0]) : undefined
      return isPair(pair) ? lineOf(pair.key) : line
    }
    return { entry: checked(values[index], at), line }
  })
}

function plain(document: Document): unknown[] {
  try {
    return document.toJS({ maxAliasCount: 0 }) as unknown[]
  } catch {
    throw new KeyFileError(1, 'aliases are not accepted')
  }
}

function checked(value: unknown, lineOf: (path: readonly PropertyKey[]) => number): KeyEntry {
  const result = keyEntry.safeParse(value)
  if (result.success) return result.data
  const issue = result.error.issues[0] as z.core.$ZodIssue
  const [member] = issue.path
  if (issue.code === 'unrecognized_keys') {
    throw new KeyFileError(lineOf(issue.keys), `an unknown key; known are ${ENTRY_KEYS.join(', ')}`)
  }
  if (member === undefined) throw new KeyFileError(lineOf([]), 'expected a mapping')
  const missing = typeof value === 'object' && value !== null && !(member in value)
  throw new KeyFileError(
    lineOf(issue.path),
    missing ? `"${String(member)}" is missing` : `"${String(member)}": ${issue.message}`,
  )
}
