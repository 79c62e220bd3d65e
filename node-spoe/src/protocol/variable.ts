import { SpopError } from '../errors.ts'

/** Scopes of variables in HAProxy, with their codes in actions (SPOE.txt 3.2.7). */
export const SCOPES = { proc: 0, sess: 1, txn: 2, req: 3, res: 4 } as const

/** `txn` lives as long as one request and is the one to use: `sess` leaks into the next request of a connection. */
export type Scope = keyof typeof SCOPES

/** HAProxy drops a longer `scope.prefix.name` without a word; before 2026-08 it even read past its buffer. */
export const MAX_VARIABLE_NAME = 63

/** Names come from code, not from traffic; the bound is for code that builds them from data all the same. */
const MAX_CACHED = 1024

/** Checks variable names and keeps their encoding. */
export class VariableNames {
  readonly #known = new Map<string, Buffer>()
  readonly #prefixLength: number

  /** @param prefix HAProxy's `option var-prefix`; without it only `scope.name` can be checked for length. */
  constructor(prefix?: string) {
    this.#prefixLength = prefix === undefined ? 0 : prefix.length + 1
  }

  /** The name as it stands in an action: varint length (always one byte) and bytes. */
  encode(scope: Scope, name: string): Buffer {
    const encoded = this.#known.get(name) ?? this.#learn(name)
    if (scope.length + this.#prefixLength + encoded.length > MAX_VARIABLE_NAME) {
      throw new SpopError('ERR_SPOP_VARIABLE_LENGTH', `${scope}.${name}`.slice(0, 100))
    }
    return encoded
  }

  #learn(name: string): Buffer {
    // A number, against the type, would pass the test as text and has no length.
    if (typeof name !== 'string' || !/^[A-Za-z0-9_.]+$/.test(name)) {
      throw new SpopError('ERR_SPOP_VARIABLE_NAME', String(name).slice(0, 100))
    }
    if (name.length > MAX_VARIABLE_NAME) throw new SpopError('ERR_SPOP_VARIABLE_LENGTH', name.slice(0, 100))
    const encoded = Buffer.from(String.fromCharCode(name.length) + name, 'latin1')
    if (this.#known.size < MAX_CACHED) this.#known.set(name, encoded)
    return encoded
  }
}
