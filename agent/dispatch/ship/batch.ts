import { createHash } from 'node:crypto'
import type { Parcel } from '../parcel.ts'

/** Bytes of a chunk's entry in the list of chunks, without its id. */
const ENTRY_BYTES = '{"id":"","records":1000},'.length

/** Bytes that a chunk takes in a batch. */
export function chunkBytes({ body, id }: Parcel): number {
  return Buffer.byteLength(body) + 1 + id.length + ENTRY_BYTES
}

/** A `MeterBatch` as JSON, joined of texts as they came: a record costs no more than to be copied. */
export function batchText(rule: string, key: string, chunks: readonly Parcel[]): string {
  const bodies = chunks.map(({ body }) => body).join(',')
  const entries = chunks.map(({ id, events }) => `{"id":${JSON.stringify(id)},"records":${events}}`).join(',')
  return `{"rule":${JSON.stringify(rule)},"key":${JSON.stringify(key)},"records":[${bodies}],"chunks":[${entries}]}`
}

/**
 * Request id of a batch: the same for the same chunks, another for any other set. First and last id would not do, as a
 * batch merged anew after a crash may share both and differ in between, and the server would drop it as known.
 */
export function batchId(chunks: readonly Parcel[]): string {
  const hash = createHash('sha256')
  for (const { id } of chunks) hash.update(`${id}\n`)
  return `batch/${hash.digest('base64url')}`
}
