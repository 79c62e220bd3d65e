import { parseDocument } from 'yaml'
import { withPlainKeys } from '../json-scan.ts'
import { parseEntry, type RevocationEntry, RevocationFormatError } from './entry.ts'

/** Characters of a list that is parsed in one go; what is longer comes as JSON lines, which can be read in slices. */
const MAX_ARRAY = 1024 * 1024
/** YAML parses a hundred times slower (8 KiB take 10 ms), and requests wait meanwhile. */
const MAX_YAML = 8 * 1024

/**
 * The entries of a list: JSON lines, a JSON array, or a YAML list, told apart by the first character. Empty text is an
 * empty list. Lazy, so that the caller may pause between entries.
 *
 * @throws {RevocationFormatError} while it is read, naming the line or the number of the entry
 */
export function* parseList(text: string): Generator<RevocationEntry> {
  const first = text.trimStart().charAt(0)
  if (first === '') return
  if (first === '{') yield* parseLines(text)
  else if (first === '[') yield* parseArray(text)
  else yield* parseYaml(text)
}

function* parseLines(text: string): Generator<RevocationEntry> {
  let number = 0
  for (let start = 0; start < text.length;) {
    const newline = text.indexOf('\n', start)
    const end = newline < 0 ? text.length : newline
    const line = text.slice(start, end).trim()
    start = end + 1
    number++
    if (line !== '') yield at(`line ${number}`, () => parseEntry(parseJson(line, 2)))
  }
}

function* parseArray(text: string): Generator<RevocationEntry> {
  if (text.length > MAX_ARRAY) {
    throw new RevocationFormatError(`a JSON array of more than ${MAX_ARRAY} characters: write one object per line`)
  }
  yield* members(parseJson(text, 3))
}

function* parseYaml(text: string): Generator<RevocationEntry> {
  if (text.length > MAX_YAML) {
    throw new RevocationFormatError(`YAML of more than ${MAX_YAML} characters: write one JSON object per line`)
  }
  const document = parseDocument(text, { uniqueKeys: true, strict: true, prettyErrors: true })
  const [error] = document.errors
  if (error !== undefined) {
    throw new RevocationFormatError(`not YAML at line ${error.linePos?.[0].line ?? 1}: a list begins with "- "`)
  }
  let value: unknown
  try {
    value = document.toJS({ maxAliasCount: 0 })
  } catch {
    throw new RevocationFormatError('YAML with aliases')
  }
  // A file of comments only.
  if (value !== null) yield* members(value)
}

function* members(list: unknown): Generator<RevocationEntry> {
  if (!Array.isArray(list)) throw new RevocationFormatError('not a list')
  for (const [index, member] of list.entries()) yield at(`entry ${index + 1}`, () => parseEntry(member))
}

/** Two readers may take different ones of two equal keys. */
function parseJson(text: string, maxDepth: number): unknown {
  const plain = withPlainKeys(text, maxDepth)
  if (plain === undefined) throw new RevocationFormatError('JSON that names a key twice or nests too deep')
  try {
    return JSON.parse(plain)
  } catch {
    // V8's own message quotes the text.
    throw new RevocationFormatError('not JSON')
  }
}

function at<T>(place: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (error instanceof RevocationFormatError) throw new RevocationFormatError(`${place}: ${error.message}`)
    throw error
  }
}
