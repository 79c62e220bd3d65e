import { isDeepStrictEqual } from 'node:util'
import type { Handlers } from 'node-spoe'
import type { OpenActors } from '../actor/open.ts'
import type { AuditSink } from '../audit/audit.ts'
import type { AgentConfig } from '../config/schema.ts'
import type { DecisionCounters } from '../counters.ts'
import type { IdentityParts } from '../identity/from-config.ts'
import { InUse } from './in-use.ts'
import type { Outline } from './outline.ts'
import type { Shared } from './shared.ts'

/** What of a generation may go on in the next one. */
export interface SharedParts {
  readonly identity: Shared<IdentityParts>
  readonly actors: Shared<OpenActors>
  readonly audit: Shared<AuditSink> | undefined
}

export interface GenerationFacts {
  /** Counts from 1, the start. */
  readonly number: number
  /** As it is in force, see `applicable`. */
  readonly config: AgentConfig
  /** Of the file's text, see `ValidConfig`. */
  readonly hash: string
  readonly outline: Outline
  /** Milliseconds since the epoch. */
  readonly loadedAt: number
  /** Keys whose new values wait for a restart. */
  readonly pendingRestart: readonly string[]
  readonly counters: DecisionCounters
}

/**
 * Everything that one configuration decides with. A request meets one generation and keeps it to its end; when another has
 * taken over and the last request of this one is answered, what no other uses is closed.
 */
export class Generation implements GenerationFacts {
  readonly number: number
  readonly config: AgentConfig
  readonly hash: string
  readonly outline: Outline
  readonly loadedAt: number
  readonly pendingRestart: readonly string[]
  readonly counters: DecisionCounters
  readonly parts: SharedParts
  readonly handlers: Handlers
  readonly #inUse = new InUse()
  #closed: Promise<void> | undefined

  constructor(facts: GenerationFacts, parts: SharedParts, handlers: Handlers) {
    this.number = facts.number
    this.config = facts.config
    this.hash = facts.hash
    this.outline = facts.outline
    this.loadedAt = facts.loadedAt
    this.pendingRestart = facts.pendingRestart
    this.counters = facts.counters
    this.parts = parts
    this.handlers = this.#inUse.count(handlers)
  }

  get identity(): IdentityParts {
    return this.parts.identity.value
  }

  get audit(): AuditSink | undefined {
    return this.parts.audit?.value
  }

  /** Requests that wait. */
  get waiting(): number {
    return this.#inUse.waiting
  }

  /** Closes it once its last request is answered: for one that no request meets any more. Never rejects. */
  async retire(): Promise<void> {
    await this.#inUse.idle()
    await this.close()
  }

  /** Lets go of its parts now. Idempotent, never rejects. */
  close(): Promise<void> {
    return (this.#closed ??= release(this.parts))
  }
}

/** Lets go of the parts of a generation that is over, or never came to be. Never rejects. */
export async function release({ identity, actors, audit }: SharedParts): Promise<void> {
  await Promise.allSettled([identity.release(), actors.release(), audit?.release()])
}

/** Goes on with a part where the settings that made it are the same, and makes another one where they are not. */
export function carriedOver<T>(part: Shared<T> | undefined, before: unknown, after: unknown): Shared<T> | undefined {
  return part !== undefined && isDeepStrictEqual(before, after) ? part.share() : undefined
}
