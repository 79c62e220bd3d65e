import type { AgentConfig } from '../config/schema.ts'
import { KeyFile } from '../crypto/key-file.ts'
import { RowCipher } from '../crypto/row-cipher.ts'
import { DispatchError } from '../dispatch/errors.ts'
import { OfflineOutbox } from '../dispatch/store/offline.ts'
import type { OutboxAnswer, OutboxRequest } from '../dispatch/store/outbox-calls.ts'
import { UserError } from '../errors.ts'
import type { OutboxSource } from './outbox-source.ts'

const LOG = {
  info() {},
  warn: (fields: object, message: string): void => console.error(`warning: ${message} ${JSON.stringify(fields)}`),
  error() {},
}

/** The outbox of an agent that does not run. */
export class FileOutbox implements OutboxSource {
  readonly source = 'file'
  readonly place: string
  readonly rules: readonly string[]
  readonly #outbox: OfflineOutbox
  readonly #keyFile: string | undefined

  private constructor(path: string, outbox: OfflineOutbox, config: AgentConfig) {
    this.place = path
    this.#outbox = outbox
    this.rules = config.rules.map(({ name }) => name)
    this.#keyFile = config.outbox.encryptionKey?.file
  }

  /** @throws what `Outbox` does */
  static async open(path: string, config: AgentConfig): Promise<FileOutbox> {
    return new FileOutbox(path, new OfflineOutbox(path, await cipherOf(config)), config)
  }

  async ask(request: OutboxRequest): Promise<OutboxAnswer> {
    try {
      const answer = await this.#outbox.ask(request)
      if (!answer.ok || !('status' in answer)) return answer
      // Rows are no plainer for keys that cannot be read.
      return { ...answer, status: { ...answer.status, encrypted: this.#keyFile !== undefined } }
    } catch (error) {
      if (!(error instanceof DispatchError)) throw error
      const keys = this.#keyFile ?? 'agent.yaml has no outbox.encryptionKey'
      throw new UserError('OUTBOX_ENCRYPTED', `rows of ${this.place} are encrypted: ${keys}`)
    }
  }

  close(): void {
    this.#outbox.close()
  }
}

/** Undefined where rows are plain, and where the keys cannot be had: most can be done without. */
async function cipherOf({ outbox: { encryptionKey } }: AgentConfig): Promise<RowCipher | undefined> {
  if (encryptionKey === undefined) return undefined
  const keys = new KeyFile(encryptionKey.file, LOG)
  await keys.refresh()
  return keys.current === undefined ? undefined : new RowCipher(keys)
}
