import { FetchError } from '../http/fetch-error.ts'

/**
 * An answer that is of no use, but may be so for this one credential only: a peer that chokes on a token somebody made up
 * must not be taken for a peer that is down, or whoever sends such tokens could lock out everybody else.
 */
export class UnusableAnswerError extends FetchError {}

/**
 * Statuses that say something of the peer as a whole: we are not welcome (401, 403), at the wrong place (404, 405), too
 * many (429), or nobody is there (502 to 504). Any other refusal may be about the one question.
 */
const OF_THE_PEER: ReadonlySet<number> = new Set([401, 403, 404, 405, 407, 429, 501, 502, 503, 504])

/** The error for a status that is no answer. Holds nothing of what the peer sent beside the number. */
export function statusError(status: number): FetchError {
  if (status >= 300 && status < 400) return new FetchError(`HTTP ${status}: redirects are not followed`, { status })
  const message = `HTTP ${status}`
  return OF_THE_PEER.has(status) ? new FetchError(message, { status }) : new UnusableAnswerError(message, { status })
}

/** A failed exchange, seen as what it says of the peer: one that began to answer (too long a body, say) is there. */
export function exchangeError(error: unknown): unknown {
  if (!(error instanceof FetchError) || error.status === undefined || error instanceof UnusableAnswerError) return error
  return new UnusableAnswerError(error.message, { status: error.status })
}
