const MINUTE_MS = 60_000
const MINUTES_OF_DAY = 1440
/** As `Intl` names them in English, from Sunday on, the first day of its weeks. */
const WEEKDAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat']
/** Milliseconds from the epoch that a date can have, ECMA-262 section 21.4.1.1. */
const MAX_TIME_MS = 8.64e15

/** What the clock on the wall says, to the minute: 0 is Sunday 00:00, 10,079 is Saturday 23:59. */
export type MinuteOfWeek = number

/**
 * Minutes of the week in one time zone, with daylight saving as the zone's rules have it.
 * @throws RangeError for a zone that is not known
 */
export function createWallClock(timezone: string): (nowMs: number) => MinuteOfWeek | undefined {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone: timezone,
    weekday: 'short',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  })
  return (nowMs) => {
    if (!(Math.abs(nowMs) <= MAX_TIME_MS)) return undefined
    let minute = 0
    for (const { type, value } of format.formatToParts(nowMs)) {
      if (type === 'weekday') minute += WEEKDAYS.indexOf(value) * MINUTES_OF_DAY
      else if (type === 'hour') minute += Number(value) * 60
      else if (type === 'minute') minute += Number(value)
    }
    return minute
  }
}

/** Which minute a time lies in; zones begin and end theirs together, for none is off by seconds any more. */
export function minuteOf(nowMs: number): number {
  return Math.floor(nowMs / MINUTE_MS)
}
