import { FetchError } from '../http/fetch-error.ts'

/** An answer that is of no use, whatever its status: the peer is there, and may well have a better one for another question. */
export class UnusableAnswerError extends FetchError {}

/**
 * What a failed question says of the peer. Only `away` is an outage, see {@link meaningOf}.
 *
 * - `away`: nobody is there to answer, whatever was asked.
 * - `unwelcome`: it is there, and wants no questions of ours now.
 * - `answered`: it is there, and the trouble may be that of this one question.
 */
export type Meaning = 'away' | 'unwelcome' | 'answered'

/** What a proxy says when there is nobody behind it, and a server that cannot work (RFC 9110 sections 15.6.3 to 15.6.5). */
const AWAY: ReadonlySet<number> = new Set([502, 503, 504])

/** Our own client is refused (401, 407) or asks too much (429): to go on asking would only make it worse. */
const UNWELCOME: ReadonlySet<number> = new Set([401, 407, 429])

/** The error for a status that is no answer. Holds nothing of what the peer sent beside the number. */
export function statusError(status: number): FetchError {
  if (status >= 300 && status < 400) {
    return new UnusableAnswerError(`HTTP ${status}: redirects are not followed`, { status })
  }
  const ofThePeer = AWAY.has(status) || UNWELCOME.has(status)
  return new (ofThePeer ? FetchError : UnusableAnswerError)(`HTTP ${status}`, { status })
}

/**
 * What an error says of the peer; undefined for one that is no failed exchange, but a defect of ours. Judged by what the
 * sender of a credential could bring about: a made-up one makes a server choke (500) or the firewall before it object
 * (403, 405, ...), many of them use up our share (429) or get our client locked (401). None of that may look like an
 * outage, because a rule with `failOpen` lets callers through then. Without a status nobody has answered: no connection,
 * no answer in time, or a file of ours that cannot be read.
 */
export function meaningOf(error: unknown): Meaning | undefined {
  if (!(error instanceof FetchError)) return undefined
  if (error instanceof UnusableAnswerError) return 'answered'
  const { status } = error
  if (status === undefined || AWAY.has(status)) return 'away'
  return UNWELCOME.has(status) ? 'unwelcome' : 'answered'
}

/** A failed exchange, seen as what it says of the peer: one that began to answer (too long a body, say) is there. */
export function exchangeError(error: unknown): unknown {
  if (!(error instanceof FetchError) || error.status === undefined || error instanceof UnusableAnswerError) return error
  return new UnusableAnswerError(error.message, { status: error.status })
}
