import type { Log } from '../identity/log.ts'
import { Secret } from './secret.ts'
import { type FileTimes, WatchedFile, type WatchedFileOptions } from './watched-file.ts'

export { type FileTimes, WatchedFile, type WatchedFileOptions }

/** How agent.yaml gives a secret. */
export type SecretConfig = { readonly value: string } | { readonly file: string }

/** A secret from agent.yaml: its value, or the file that holds it, without white space at the ends. */
export class SecretSource {
  readonly #fixed: Secret | undefined
  readonly #file: WatchedFile<Secret> | undefined

  constructor(config: SecretConfig, log: Log, times: FileTimes = {}) {
    if ('value' in config) this.#fixed = new Secret(config.value)
    else this.#file = new WatchedFile({ path: config.file, log, parse: parseSecret, ...times })
  }

  /** Undefined while its file could never be read. The same object until the secret changes. */
  get current(): Secret | undefined {
    return this.#fixed ?? this.#file?.value
  }

  get lastError(): string | undefined {
    return this.#file?.lastError
  }

  /** A second call joins the first. Never rejects. */
  async start(): Promise<void> {
    await this.#file?.start()
  }

  close(): void {
    this.#file?.close()
  }
}

function parseSecret(text: string): Secret {
  const trimmed = text.trim()
  if (trimmed === '') throw new Error('empty')
  return new Secret(trimmed)
}
