import { minuteOf } from './wall-clock.ts'

/** A time as the calendar on the wall has it. */
export interface CalendarDate {
  year: number
  /** 0 is January. */
  month: number
  /** 1 is the first. */
  day: number
  /** 0 is Sunday. */
  weekday: number
  /** 0 is the first of January. */
  dayOfYear: number
  hour: number
  minute: number
}

export type CalendarField = keyof CalendarDate

/** @param ms milliseconds since the epoch; the object is good until the next call */
export type Calendar = (ms: number) => Readonly<CalendarDate>

const DAY_MS = 86_400_000

/**
 * The calendar of a time zone. It is asked once a minute, for that takes microseconds.
 * @throws {RangeError} for a zone that is not known
 */
export function createCalendar(zone: string): Calendar {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone: zone,
    calendar: 'gregory',
    era: 'short',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    hourCycle: 'h23',
  })
  return remembering((ms, date) => {
    const parts = new Map<string, string>()
    for (const { type, value } of format.formatToParts(ms)) parts.set(type, value)
    const number = (type: string): number => Number(parts.get(type))
    // The year before 1 AD is 1 BC.
    const year = parts.get('era') === 'AD' ? number('year') : 1 - number('year')
    setDate(date, year, number('month') - 1, number('day'))
    date.hour = number('hour')
    date.minute = number('minute')
  })
}

export const UTC: Calendar = remembering((ms, date) => {
  const time = new Date(ms)
  setDate(date, time.getUTCFullYear(), time.getUTCMonth(), time.getUTCDate())
  date.hour = time.getUTCHours()
  date.minute = time.getUTCMinutes()
})

function setDate(date: CalendarDate, year: number, month: number, day: number): void {
  const midnight = new Date(0).setUTCFullYear(year, month, day)
  date.year = year
  date.month = month
  date.day = day
  date.weekday = new Date(midnight).getUTCDay()
  date.dayOfYear = Math.round((midnight - new Date(0).setUTCFullYear(year, 0, 1)) / DAY_MS)
}

function remembering(read: (ms: number, into: CalendarDate) => void): Calendar {
  const date = { year: 0, month: 0, day: 0, weekday: 0, dayOfYear: 0, hour: 0, minute: 0 }
  let known = Number.NaN
  return (ms) => {
    const minute = minuteOf(ms)
    if (minute !== known) {
      read(ms, date)
      known = minute
    }
    return date
  }
}
