import { constants } from 'node:fs'
import { type FileHandle, open, readFile, realpath, rename, rm, stat } from 'node:fs/promises'
import { type Document, isSeq, parseDocument, stringify } from 'yaml'
import type { keyEntry } from './key-entry.ts'
import { formOf, KeyFileError, parseKeyFile } from './key-file.ts'
import type { z } from 'zod'

/** An entry as it is written: members that have their default may be left out. */
export type NewEntry = z.input<typeof keyEntry>

/** A YAML list of the one entry. */
export function renderEntry(entry: NewEntry): string {
  return stringify([entry], { flowCollectionPadding: false, lineWidth: 0 })
}

/**
 * Adds an entry to a file of keys, or makes the file. What stands in it stays as it is, comments included; it is
 * replaced as a whole, so that nobody reads half of it, and two who add at once do not undo each other.
 * @throws {KeyFileError} the file is wrong already, or the id is taken
 * @throws {Error} the file cannot be read or written, or somebody else is writing it
 */
export async function appendEntry(path: string, entry: NewEntry): Promise<void> {
  const target = await realpath(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return path
    throw error
  })
  const next = `${target}.new`
  const file = await lock(next)
  try {
    const before = await existing(target)
    const text = before === undefined ? renderEntry(entry) : withEntry(before.text, entry)
    for (const _ of parseKeyFile(text)); // whatever is wrong with it is found before it is used
    await file.chmod(before?.mode ?? 0o600)
    await file.writeFile(text)
    await file.sync()
    await file.close()
    await rename(next, target)
  } catch (error) {
    await file.close()
    await rm(next, { force: true })
    throw error
  }
}

/** The file that is to be written is the lock at the same time: only one can create it. */
async function lock(path: string): Promise<FileHandle> {
  try {
    return await open(path, constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY, 0o600)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    throw new Error(`${path} exists: somebody is writing, or was interrupted and it may be removed`, { cause: error })
  }
}

async function existing(path: string): Promise<{ text: string; mode: number } | undefined> {
  try {
    return { text: await readFile(path, 'utf8'), mode: (await stat(path)).mode & 0o777 }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

function withEntry(text: string, entry: NewEntry): string {
  if (text.trim() === '') return renderEntry(entry)
  if (formOf(text) === 'json-lines') return `${text.replace(/\n?$/, '\n')}${JSON.stringify(entry)}\n`
  for (const _ of parseKeyFile(text)); // mistakes keep the lines they have in the file
  const document: Document = parseDocument(text)
  if (!isSeq(document.contents)) throw new KeyFileError(1, 'expected a list of keys')
  document.contents.flow = false
  document.contents.add(document.createNode(entry))
  return document.toString({ flowCollectionPadding: false, lineWidth: 0 })
}
