import { parseDuration } from '../config/duration.ts'
import { parseExpiry } from '../identity/api-key/expiry.ts'

/** How a moment may be written, for messages. */
export const MOMENT =
  'how long ago (2h), a day (2026-11-24, which is UTC) or a time with its zone (2026-11-24T18:00:00Z)'

/**
 * A moment as operators write it: {@link MOMENT}, or milliseconds since the epoch, as rows have them.
 * @param now milliseconds since the epoch
 * @returns milliseconds since the epoch; undefined when the text is none of them
 */
export function parseMoment(text: string, now: number): number | undefined {
  // With fewer digits it would be a moment of 1970: seconds, by mistake.
  if (/^\d{12,15}$/.test(text)) return Number(text)
  const ago = parseDuration(text)
  return ago === undefined ? parseExpiry(text) : Math.floor(now - ago)
}
