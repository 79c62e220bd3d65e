/** Last instant a Date can hold, milliseconds. */
const MAX_DATE_MS = 8_640_000_000_000_000n

/** Nanoseconds since 1970 in the form of RFC 3339 with as many digits as the capture has: six, or nine. */
export function timeText(time: bigint): string {
  const seconds = time / 1_000_000_000n
  const fraction = (time % 1_000_000_000n).toString().padStart(9, '0').replace(/000$/, '')
  // A hostile capture can hold any 64 bits.
  if (time < 0n || seconds * 1000n > MAX_DATE_MS) return `${time}ns`
  return `${new Date(Number(seconds) * 1000).toISOString().slice(0, -5)}.${fraction}Z`
}

/** Nanoseconds as milliseconds; clocks of a capture can run backwards. */
export function milliseconds(time: bigint): number {
  return Number(time) / 1_000_000
}
