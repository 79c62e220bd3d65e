/** `2026-12-31`, which is midnight UTC at its begin, or a whole RFC 3339 time with its zone. */
const EXPIRES = /^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:Z|[+-]\d{2}:\d{2}))?$/

/** Milliseconds since the epoch; undefined when the text names no moment (30 February does not). */
export function parseExpiry(text: string): number | undefined {
  if (!EXPIRES.test(text)) return undefined
  const day = text.slice(0, 10)
  const midnight = Date.parse(`${day}T00:00:00Z`)
  if (Number.isNaN(midnight) || new Date(midnight).toISOString().slice(0, 10) !== day) return undefined
  const time = text.length === 10 ? midnight : Date.parse(text)
  return Number.isNaN(time) ? undefined : time
}
