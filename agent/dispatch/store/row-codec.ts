import { DispatchError } from '../errors.ts'
import type { NewRow, StoredRow, UnreadableRow } from './row.ts'
import type { RowCipher } from './row-cipher.ts'

/** Before what is sealed in a column of text: JSON objects, which stand there otherwise, begin with another character. */
const SEALED = '~'

/**
 * What the call of a row is sealed for. With a character that no id has: of "a" and "a/call", which both may be ids that
 * callers choose, the body of one could be put into the call of the other.
 */
const callOf = (id: string): string => `${id}\n/call`

/** Rows as they stand in the file: body and call are sealed where there is a cipher. */
export class RowCodec {
  readonly #cipher: RowCipher | undefined

  constructor(cipher: RowCipher | undefined) {
    this.#cipher = cipher
  }

  /** @throws {CipherError} there is no key to seal with */
  body({ body, id }: Pick<NewRow, 'id' | 'body'>): string | Uint8Array {
    return this.#cipher === undefined ? body : this.#cipher.seal(body, id)
  }

  /** @throws {CipherError} there is no key to seal with */
  call({ call, id }: NewRow): string {
    if (this.#cipher === undefined || call === '') return call
    return SEALED + Buffer.from(this.#cipher.seal(call, callOf(id))).toString('base64')
  }

  /** Whether a column is sealed; those written without keys are not, whatever there is now. */
  static isSealed(stored: unknown): boolean {
    return stored instanceof Uint8Array || (typeof stored === 'string' && stored.startsWith(SEALED))
  }

  /** @throws {DispatchError} DISPATCH_OUTBOX_KEY; {CipherError} its key is gone, or its bytes were changed */
  openBody(stored: unknown, id: string): string {
    return stored instanceof Uint8Array ? this.#opened(stored, id) : String(stored)
  }

  /** @throws as `openBody` does */
  openCall(stored: unknown, id: string): string {
    const text = String(stored)
    return RowCodec.isSealed(text) ? this.#opened(Buffer.from(text.slice(SEALED.length), 'base64'), callOf(id)) : text
  }

  /** A row with the columns of schema.ts, its action as JSON. */
  read(row: Readonly<Record<string, unknown>>): StoredRow | UnreadableRow {
    const seq = Number(row['seq'])
    const id = String(row['id'])
    const rule = String(row['rule'])
    const events = Number(row['events'])
    try {
      const { action, workflow_id: workflowId, key, tenant, at } = row
      const body = this.openBody(row['body'], id)
      const call = this.openCall(row['call'], id)
      if (typeof action !== 'string') throw new TypeError('the action of the row is not there')
      return {
        seq,
        id,
        action,
        rule,
        workflowId: String(workflowId),
        key: String(key),
        tenant: String(tenant),
        at: Number(at),
        events,
        call,
        body,
      }
    } catch (error) {
      return { seq, rule, events, error }
    }
  }

  #opened(bytes: Uint8Array, sealedFor: string): string {
    if (this.#cipher === undefined) throw new DispatchError('DISPATCH_OUTBOX_KEY', 'outbox.encryptionKey is not set')
    return this.#cipher.open(bytes, sealedFor)
  }
}
