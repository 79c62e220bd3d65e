import { stat } from 'node:fs/promises'
import type { Log } from '../identity/log.ts'
import { type FileTimes, WatchedFile } from '../secrets/secret-file.ts'
import { type KeyRing, type KeySource, parseKeyRing } from './key-ring.ts'

/** What to do about a file of keys that cannot be used. */
export const KEY_FILE_HINT =
  'It holds { current: <id>, keys: { <id>: <32 bytes in Base64> } }; "haproxy-temporal payload-key create" makes one.'

/** The bits of a mode that let others than the owner at a file. */
const OTHERS = 0o077

/**
 * A key ring in a file, read again when the file changes. A file that cannot be read or used leaves the last good ring in
 * place, says so in the log, and `lastError` says why.
 */
export class KeyFile implements KeySource {
  readonly path: string
  readonly #file: WatchedFile<KeyRing>

  constructor(path: string, log: Log, times: FileTimes = {}) {
    this.path = path
    const parse = async (text: string): Promise<KeyRing> => {
      const ring = parseKeyRing(text)
      await warnOfReaders(path, log)
      return ring
    }
    this.#file = new WatchedFile({ path, log, parse, ...times })
  }

  /** Undefined while the file could never be used. */
  get current(): KeyRing | undefined {
    return this.#file.value
  }

  /** Why the file could not be used when it was last looked at; holds nothing of it but ids of keys. */
  get lastError(): string | undefined {
    return this.#file.lastError
  }

  /** Reads now, and from now on whenever the file changes. Never rejects. */
  start(): Promise<void> {
    return this.#file.start()
  }

  /** Looks at the file now. Never rejects. */
  refresh(): Promise<void> {
    return this.#file.refresh()
  }

  close(): void {
    this.#file.close()
  }
}

/** A warning only: Kubernetes mounts secrets readable to a group, and a container has no other users. */
async function warnOfReaders(file: string, log: Log): Promise<void> {
  const { mode } = await stat(file)
  if (process.platform === 'win32' || (mode & OTHERS) === 0) return
  const octal = (mode & 0o777).toString(8).padStart(4, '0')
  log.warn({ file, mode: octal }, 'the key file can be read by others than its owner: chmod 600')
}
