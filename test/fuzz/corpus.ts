import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const FOLDER = fileURLToPath(new URL('corpus', import.meta.url))

/** A stream of bytes as one end of a connection would send it. */
export interface CorpusEntry {
  readonly name: string
  readonly bytes: Buffer
}

/** Streams of golden frames, and what the fuzzer once found. */
export function readCorpus(): CorpusEntry[] {
  return readdirSync(FOLDER)
    .filter((name) => name.endsWith('.bin'))
    .toSorted()
    .map((name) => ({ name, bytes: readFileSync(join(FOLDER, name)) }))
}

/** Keeps a find; returns where. */
export function keep(name: string, bytes: Uint8Array): string {
  mkdirSync(FOLDER, { recursive: true })
  const path = join(FOLDER, `${name}.bin`)
  writeFileSync(path, bytes)
  return path
}
