import type { AgentCounters, AgentOptions } from '../../../node-spoe/src/api.ts'
import { Dispatcher } from '../../../node-spoe/src/dispatcher.ts'
import { newCounters, readOptions } from '../../../node-spoe/src/options.ts'
import { Output, OutputPool } from '../../../node-spoe/src/output.ts'
import { Reporter } from '../../../node-spoe/src/report.ts'
import { Session, type SessionContext } from '../../../node-spoe/src/session.ts'
import { type DecodedFrame, actions, frames, hello, keyValues } from './wire.ts'

/** A session without a socket. */
export interface Harness {
  readonly session: Session
  readonly context: SessionContext
  readonly counters: AgentCounters
  readonly errors: unknown[]
  /** Each entry is what one socket write would have carried. */
  readonly writes: Buffer[]
  /** Milliseconds of hold, once the session asked to be closed. */
  closed: number | undefined
  receive(...chunks: readonly Buffer[]): void
  /** All frames written so far. */
  sent(): DecodedFrame[]
  /** Actions of all ACKs written so far. */
  acks(): [string, unknown][][]
  /** Status code of the AGENT-DISCONNECT, undefined if there was none. */
  disconnectStatus(): unknown
}

/** @param greeted whether HELLO has been exchanged already (its write is dropped) */
export function harness(options: Partial<AgentOptions> = {}, greeted = true): Harness {
  const errors: unknown[] = []
  const settings = readOptions({ messages: {}, onError: (error) => errors.push(error), ...options })
  const counters = newCounters()
  const reporter = new Reporter(counters, settings.onError)
  const context = { settings, reporter, dispatcher: new Dispatcher(settings, reporter), draining: false }
  const writes: Buffer[] = []
  let scheduled = false
  const flush = (): void => {
    const { length } = session.output
    if (length > 0) writes.push(Buffer.from(session.output.take().subarray(0, length)))
  }
  const session: Session = new Session(
    context,
    {
      flush,
      scheduleFlush: () => {
        if (scheduled) return
        scheduled = true
        queueMicrotask(() => {
          scheduled = false
          flush()
        })
      },
      close: (holdMs) => {
        flush()
        result.closed = holdMs
      },
    },
    new Output(new OutputPool()),
  )
  const result: Harness = {
    session,
    context,
    counters,
    errors,
    writes,
    closed: undefined,
    receive: (...chunks) => {
      for (const chunk of chunks) {
        session.receive(chunk, performance.now())
        flush()
      }
    },
    sent: () => frames(Buffer.concat(writes)),
    acks: () =>
      result
        .sent()
        .filter((sent) => sent.type === 103)
        .map((sent) => actions(sent.payload)),
    disconnectStatus: () => {
      const last = result.sent().find((sent) => sent.type === 102)
      return last === undefined ? undefined : Number(keyValues(last.payload)['status-code'])
    },
  }
  if (greeted) {
    result.receive(hello())
    writes.length = 0
  }
  return result
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
