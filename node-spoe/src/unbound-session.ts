import type { AgentSession, SessionLink } from './api.ts'
import { Output, type OutputPool } from './output.ts'
import { Session, type SessionContext } from './session.ts'

/** A session over whatever carries bytes, see {@link Agent.session}. */
export function openSession(context: SessionContext, pool: OutputPool, link: SessionLink): AgentSession {
  const { counters } = context.reporter
  let scheduled = false
  /** A carrier that throws has gone; what it threw is the user's to see, not the peer's. */
  const attempt = (action: () => void): void => {
    try {
      action()
    } catch (error) {
      context.reporter.report(error)
      session.lost()
    }
  }
  const flush = (): void => {
    const { length } = session.output
    if (length === 0) return
    counters.bytesOut += length
    const bytes = session.output.take()
    // A copy: the callee may keep it, and the buffer is used again.
    const copy = Buffer.from(bytes.subarray(0, length))
    pool.give(bytes)
    attempt(() => link.write(copy))
  }
  const outlet = {
    flush,
    scheduleFlush() {
      if (scheduled) return
      scheduled = true
      queueMicrotask(() => {
        scheduled = false
        flush()
      })
    },
    close(holdMs: number) {
      flush()
      attempt(() => link.close(holdMs))
    },
  }
  const session: Session = new Session(context, outlet, new Output(pool))
  return {
    receive(bytes) {
      counters.bytesIn += bytes.length
      session.receive(bytes, performance.now())
      flush()
    },
    end: () => session.drain(),
    lost: () => session.lost(),
  }
}
