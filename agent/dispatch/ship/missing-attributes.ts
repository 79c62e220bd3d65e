import type { temporal } from '@temporalio/proto'
import { CREATE_COMMAND } from '../../actor/search-attributes.ts'
import { STATUS } from '../classify.ts'
import type { Log } from '../protocol.ts'

type SearchAttributes = temporal.api.common.v1.ISearchAttributes

/** Milliseconds for which a name that a namespace does not know is left out. */
const RETRY_MS = 5 * 60_000

/**
 * Search attributes that a namespace does not have. Temporal refuses a call for them as a whole, so it is made again
 * without: an event is worth more than the index of it. Found by, not done for: after some minutes they are tried again.
 */
export class MissingAttributes {
  readonly #log: Log
  readonly #namespace: string
  /** By name, when it is tried again: milliseconds of the monotonic clock. */
  readonly #until = new Map<string, number>()

  constructor(namespace: string, log: Log) {
    this.#namespace = namespace
    this.#log = log
  }

  /** Those that may be sent; the same object when that is all of them. */
  allowed(attributes: SearchAttributes, now: number): SearchAttributes | undefined {
    if (this.#until.size === 0) return attributes
    const fields = Object.entries(attributes.indexedFields ?? {})
    const left = fields.filter(([name]) => (this.#until.get(name) ?? -Infinity) <= now)
    if (left.length === fields.length) return attributes
    return left.length === 0 ? undefined : { indexedFields: Object.fromEntries(left) }
  }

  /**
   * Whether a call failed for its search attributes. `missing`: one of them is unknown, and is left out from now on.
   * `unfit`: this call is to go without any.
   */
  judge(error: unknown, sent: SearchAttributes, now: number): 'missing' | 'unfit' | undefined {
    const { code, details, message } = (error ?? {}) as { code?: unknown; details?: unknown; message?: unknown }
    if (code !== STATUS.INVALID_ARGUMENT) return undefined
    const text = typeof details === 'string' && details !== '' ? details : String(message)
    if (!/search attribute/i.test(text)) return undefined
    const name = unknownName(text)
    if (name === undefined || sent.indexedFields?.[name] === undefined) return 'unfit'
    const known = this.#until.get(name)
    // Calls in flight beside this one fail the same way and have nothing new to tell.
    if (known === undefined || known <= now) this.#tell(name, sent)
    this.#until.set(name, now + RETRY_MS)
    return 'missing'
  }

  #tell(name: string, sent: SearchAttributes): void {
    const type = Buffer.from(sent.indexedFields?.[name]?.metadata?.['type'] ?? []).toString()
    const hint = CREATE_COMMAND.includes(`--name ${name} `)
      ? CREATE_COMMAND
      : `temporal operator search-attribute create --name ${name} --type ${type}`
    this.#log.warn(
      { namespace: this.#namespace, searchAttribute: name, hint },
      'Temporal knows no such search attribute: workflows start without it',
    )
  }
}

/**
 * `Namespace default has no mapping defined for search attribute ActorId`, or `search attribute ActorId is not defined`: in
 * the words of several server versions.
 */
function unknownName(text: string): string | undefined {
  const [, mapped, defined] =
    /no mapping defined for search attribute (\S+)|search attribute (\S+) is not defined/i.exec(text) ?? []
  return mapped ?? defined
}
