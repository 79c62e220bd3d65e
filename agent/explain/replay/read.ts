import { createReadStream } from 'node:fs'
import { createGunzip } from 'node:zlib'
import { UserError } from '../../errors.ts'
import { readAuditRecord } from './audit-record.ts'
import { readHarEntry } from './har-entry.ts'
import { readHaproxyLine } from './haproxy-line.ts'
import { JsonEntries } from './json-entries.ts'
import { OTHER, type RecordedRequest } from './recorded.ts'

/** Characters of a line or an entry; a longer one is counted as unparsable. */
export const MAX_LINE = 1 << 20
export const MAX_ENTRY = 16 << 20

/** What a file has beside requests. */
export type Read = RecordedRequest | typeof OTHER | 'unparsable'

/**
 * The lines of audit records or of HAProxy's log; gzip when the name ends so. In memory is a line at a time.
 * @throws {UserError} EXPLAIN_INPUT when the file cannot be read
 */
export async function* readLog(file: string): AsyncGenerator<Read> {
  for await (const line of linesOf(file)) {
    if (line === undefined) yield 'unparsable'
    else if (line.trim() !== '') yield readLine(line)
  }
}

/** The entries of a HAR, one at a time. */
export async function* readHar(file: string): AsyncGenerator<Read> {
  const entries = new JsonEntries('entries', MAX_ENTRY)
  for await (const chunk of textOf(file)) {
    for (const entry of entries.push(chunk)) {
      const value = entry === undefined ? undefined : parsed(entry)
      yield value === undefined ? 'unparsable' : (readHarEntry(value) ?? 'unparsable')
    }
  }
  // Broken off, or no HAR at all.
  if (!entries.ended) yield 'unparsable'
}

/** A line of any format; what a syslog daemon puts in front is passed over. */
export function readLine(line: string): Read {
  const start = line.indexOf('{')
  const value = start === -1 ? undefined : parsed(line.slice(start))
  if (value === undefined) return 'unparsable'
  return readAuditRecord(value) ?? readHaproxyLine(value) ?? 'unparsable'
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}

/** The lines of a file; undefined for one that is too long. */
export async function* linesOf(file: string): AsyncGenerator<string | undefined> {
  let rest = ''
  let tooLong = false
  for await (const chunk of textOf(file)) {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) {
      yield tooLong || line.length > MAX_LINE ? undefined : line
      tooLong = false
    }
    if (rest.length > MAX_LINE) {
      tooLong = true
      rest = ''
    }
  }
  if (tooLong) yield undefined
  else if (rest !== '') yield rest
}

async function* textOf(file: string): AsyncGenerator<string> {
  const raw = createReadStream(file)
  const stream = file.endsWith('.gz') ? raw.pipe(createGunzip()) : raw
  // An error of the one does not reach the other by itself.
  if (stream !== raw) raw.once('error', (error) => stream.destroy(error))
  const decoder = new TextDecoder('utf-8')
  try {
    for await (const chunk of stream) yield decoder.decode(chunk as Buffer, { stream: true })
    yield decoder.decode()
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    throw new UserError('EXPLAIN_INPUT', `cannot read ${file}: ${code ?? message}`)
  } finally {
    raw.destroy()
  }
}
