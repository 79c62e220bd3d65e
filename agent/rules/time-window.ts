import { suggest } from '../config/suggest.ts'
import { createWallClock, minuteOf } from './wall-clock.ts'

export const WEEKDAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const
export type Weekday = (typeof WEEKDAYS)[number]

/** `match.time` of a rule; one of days, from and to is given at least. */
export interface TimeWindowConfig {
  /** Default: every day. A window over midnight belongs to the day it begins on. */
  readonly days?: readonly Weekday[] | undefined
  /** First minute, `HH:MM`; default 00:00. */
  readonly from?: string | undefined
  /** First minute that is out, `HH:MM` or 24:00, the default; before `from`: of the next day. */
  readonly to?: string | undefined
  /** IANA name; default UTC. */
  readonly timezone?: string | undefined
}

export interface TimeWindow {
  /** @param nowMs milliseconds since the epoch */
  isOpen(nowMs: number): boolean
}

const MINUTES_OF_DAY = 1440
const MINUTES_OF_WEEK = 7 * MINUTES_OF_DAY

/**
 * Compiles times of the week. They are read off the clock on the wall: an hour that daylight saving skips is in no
 * window, one that comes twice is in its window twice.
 * @returns the window, or what is wrong with the configuration
 */
export function compileTimeWindow(config: TimeWindowConfig): TimeWindow | string {
  const { days = WEEKDAYS, timezone = 'UTC' } = config
  if (config.days === undefined && config.from === undefined && config.to === undefined) {
    return 'expected "days", "from" or "to": a window that is always open restricts nothing'
  }
  if (days.length === 0) return '"days" is empty: name one day at least, or leave it out for every day'
  const from = minuteOfDay(config.from ?? '00:00')
  const to = minuteOfDay(config.to ?? '24:00')
  if (from === undefined || from === MINUTES_OF_DAY) {
    return `"from" is "${config.from}": expected a time from "00:00" to "23:59"`
  }
  if (to === undefined) return `"to" is "${config.to}": expected a time from "00:00" to "24:00"`
  if (from === to) return `"from" and "to" are both "${config.to}": leave both out for whole days`
  let wallClock
  try {
    wallClock = createWallClock(timezone)
  } catch {
    return unknownZone(timezone)
  }
  return new CachedWindow(openMinutes(days, from, to), wallClock)
}

/** @returns undefined when the text is no time; 24:00 is 1440 */
export function minuteOfDay(text: string): number | undefined {
  const match = /^(?:([01]\d|2[0-3]):([0-5]\d)|24:00)$/.exec(text)
  if (match === null) return undefined
  return match[1] === undefined ? MINUTES_OF_DAY : Number(match[1]) * 60 + Number(match[2])
}

function unknownZone(timezone: string): string {
  const zone = suggest(timezone, Intl.supportedValuesOf('timeZone'))
  const hint = zone === undefined ? 'expected an IANA name such as Europe/Berlin' : `did you mean "${zone}"?`
  return `"${timezone}" is no time zone: ${hint}`
}

/** A flag for each minute of the week, from Sunday 00:00 on. */
function openMinutes(days: readonly Weekday[], from: number, to: number): Uint8Array {
  const open = new Uint8Array(MINUTES_OF_WEEK)
  const length = to > from ? to - from : to - from + MINUTES_OF_DAY
  for (const day of days) {
    const start = ((WEEKDAYS.indexOf(day) + 1) % 7) * MINUTES_OF_DAY + from
    for (let i = 0; i < length; i++) open[(start + i) % MINUTES_OF_WEEK] = 1
  }
  return open
}

/** Asks the calendar once a minute: that takes microseconds, which no request should pay. */
class CachedWindow implements TimeWindow {
  readonly #open: Uint8Array
  readonly #wallClock: (nowMs: number) => number | undefined
  #minute = Number.NaN
  #isOpen = false

  constructor(open: Uint8Array, wallClock: (nowMs: number) => number | undefined) {
    this.#open = open
    this.#wallClock = wallClock
  }

  isOpen(nowMs: number): boolean {
    const minute = minuteOf(nowMs)
    if (minute !== this.#minute) {
      const ofWeek = this.#wallClock(nowMs)
      this.#isOpen = ofWeek !== undefined && this.#open[ofWeek] === 1
      this.#minute = minute
    }
    return this.#isOpen
  }
}
