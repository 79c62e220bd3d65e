import { ConfigError, problem } from '../config/problem.ts'
import type { Log } from '../identity/log.ts'
import type { FileTimes } from '../secrets/secret-file.ts'
import { CipherError } from './cipher-error.ts'
import { KEY_FILE_HINT, KeyFile } from './key-file.ts'
import { type Payload, PayloadCipher } from './payload-cipher.ts'

/** `temporal.payloadKeys` of agent.yaml. */
export interface PayloadKeysConfig {
  readonly file: string
}

/** A file of keys and the cipher that works with them. Whoever opens it closes it. */
export class PayloadKeys {
  readonly cipher: PayloadCipher
  readonly #file: KeyFile

  constructor(file: KeyFile, log: Log) {
    this.#file = file
    this.cipher = new PayloadCipher(file, { log })
  }

  /** @throws {CipherError} */
  encode(payload: Payload): Payload {
    return this.cipher.encode(payload)
  }

  /**
   * As the cipher does, but a key that is not known yet is looked for in the file first: another process may encrypt with
   * it before this one has noticed that the file has changed.
   * @throws {CipherError}
   */
  async decode(payload: Payload): Promise<Payload> {
    try {
      return this.cipher.decode(payload)
    } catch (error) {
      if (!(error instanceof CipherError) || !error.wantsKeys) throw error
    }
    await this.#file.refresh()
    return this.cipher.decode(payload)
  }

  close(): void {
    this.#file.close()
  }
}

/**
 * Reads the keys and watches their file.
 * @throws {ConfigError} when they cannot be used
 */
export async function openPayloadKeys(
  { file: path }: PayloadKeysConfig,
  log: Log,
  times: FileTimes = {},
): Promise<PayloadKeys> {
  const file = new KeyFile(path, log, times)
  await file.start()
  if (file.current !== undefined) return new PayloadKeys(file, log)
  file.close()
  const message = `the keys of payloads: ${file.lastError ?? 'not read'}`
  throw new ConfigError([
    problem({ code: 'CONFIG_INVALID', file: path, line: 0, column: 0, message, hint: KEY_FILE_HINT }),
  ])
}
