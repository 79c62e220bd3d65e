import { describe, expect, it } from 'vitest'
import {
  compileTimeWindow,
  type TimeWindow,
  type TimeWindowConfig,
  type Weekday,
} from '../../../agent/rules/time-window.ts'

const MINUTE = 60_000
const DAY = 1440 * MINUTE

function compile(config: TimeWindowConfig): TimeWindow {
  const window = compileTimeWindow(config)
  if (typeof window === 'string') throw new Error(window)
  return window
}

const at = (text: string): number => Date.parse(text)

describe('compileTimeWindow', () => {
  it('is open from its first minute on and shut at its last', () => {
    const window = compile({ days: ['mon', 'fri'], from: '08:00', to: '18:00' })
    // 2026-11-23 is a Monday.
    expect(
      ['23T07:59:59.999', '23T08:00', '23T17:59:59.999', '23T18:00', '24T12:00', '27T12:00', '29T12:00'].map((time) =>
        window.isOpen(at(`2026-11-${time}Z`)),
      ),
    ).toEqual([false, true, true, false, false, true, false])
  })

  it('goes on past midnight when it ends before it begins, on the account of the day it began', () => {
    const window = compile({ days: ['fri', 'sun'], from: '22:00', to: '06:00' })
    expect(
      ['27T21:59', '27T22:00', '28T05:59', '28T06:00', '28T22:00', '29T05:00', '29T23:00', '30T05:59', '30T22:00'].map(
        (time) => window.isOpen(at(`2026-11-${time}Z`)),
      ),
    ).toEqual([false, true, true, false, false, false, true, true, false])
  })

  it('covers whole days without from and to, and to 24:00', () => {
    for (const config of [{}, { to: '24:00' }, { from: '00:00' }, { from: '00:00', to: '24:00' }]) {
      const window = compile({ days: ['wed'], ...config })
      expect(
        ['24T23:59:59', '25T00:00', '25T23:59:59', '26T00:00'].map((time) => window.isOpen(at(`2026-11-${time}Z`))),
      ).toEqual([false, true, true, false])
    }
  })

  it('ends at midnight with to 00:00', () => {
    const window = compile({ from: '22:00', to: '00:00' })
    expect(['24T21:59', '24T23:59', '25T00:00'].map((time) => window.isOpen(at(`2026-11-${time}Z`)))).toEqual([
      false,
      true,
      false,
    ])
  })

  it('goes by the clock of its time zone', () => {
    const window = compile({ from: '08:00', to: '09:00', timezone: 'Europe/Berlin' })
    expect(
      [at('2026-11-24T07:30Z'), at('2026-11-24T08:30Z'), at('2026-07-24T06:30Z')].map((ms) => window.isOpen(ms)),
    ).toEqual([true, false, true])
  })

  it('gives the same when the clock goes back within what it remembers', () => {
    const window = compile({ from: '08:00', to: '09:00' })
    const times = ['08:59:59.999', '09:00:00', '08:59:59', '07:59:59', '08:00:00'].map((time) =>
      at(`2026-11-24T${time}Z`),
    )
    expect(times.map((ms) => window.isOpen(ms))).toEqual([true, false, true, false, true])
  })

  it('is shut at a time that is none', () => {
    const window = compile({ days: ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] })
    expect([Number.NaN, Infinity, -Infinity, 1e300].map((ms) => window.isOpen(ms))).toEqual([
      false,
      false,
      false,
      false,
    ])
    expect(window.isOpen(0)).toBe(true)
  })

  it.each<[TimeWindowConfig, string]>([
    [{}, 'expected "days", "from" or "to": a window that is always open restricts nothing'],
    [{ timezone: 'UTC' }, 'expected "days", "from" or "to": a window that is always open restricts nothing'],
    [{ days: [] }, '"days" is empty: name one day at least, or leave it out for every day'],
    [{ from: '8:00' }, '"from" is "8:00": expected a time from "00:00" to "23:59"'],
    [{ from: '24:00' }, '"from" is "24:00": expected a time from "00:00" to "23:59"'],
    [{ to: '24:01' }, '"to" is "24:01": expected a time from "00:00" to "24:00"'],
    [{ from: '08:00', to: '08:00' }, '"from" and "to" are both "08:00": leave both out for whole days'],
    [{ from: '08:00', timezone: 'Europe/Berln' }, '"Europe/Berln" is no time zone: did you mean "Europe/Berlin"?'],
    [{ from: '08:00', timezone: '!' }, '"!" is no time zone: expected an IANA name such as Europe/Berlin'],
  ])('says what is wrong with %j', (config, message) => {
    expect(compileTimeWindow(config)).toBe(message)
  })
})

describe('compileTimeWindow around changes of daylight saving', () => {
  const NAMES: readonly Weekday[] = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat']

  /** The time on the wall as text, by `Intl`: `2026-03-29 03:00`. */
  function wall(format: Intl.DateTimeFormat, ms: number): { day: string; time: string } {
    const parts = Object.fromEntries(format.formatToParts(ms).map(({ type, value }) => [type, value]))
    return { day: `${parts['year']}-${parts['month']}-${parts['day']}`, time: `${parts['hour']}:${parts['minute']}` }
  }

  /** The same said about days of the calendar, with times as text. */
  function expected({ day, time }: { day: string; time: string }, config: TimeWindowConfig): boolean {
    const { days = NAMES, from = '00:00', to = '24:00' } = config
    const startsOn = (date: number): boolean => days.includes(NAMES[new Date(date).getUTCDay()] ?? 'sun')
    const date = Date.parse(`${day}T00:00Z`)
    if (from < to) return startsOn(date) && from <= time && time < to
    return (startsOn(date) && from <= time) || (startsOn(date - DAY) && time < to)
  }

  const changes = [
    ['Europe/Berlin', '2026-03-29'],
    ['Europe/Berlin', '2026-10-25'],
    ['America/New_York', '2026-03-08'],
    ['America/New_York', '2026-11-01'],
    ['Australia/Lord_Howe', '2026-04-05'],
    ['Australia/Lord_Howe', '2026-10-04'],
    ['Asia/Kathmandu', '2026-06-01'],
  ] as const
  const windows: readonly TimeWindowConfig[] = [
    { from: '01:30', to: '02:30' },
    { from: '02:00', to: '03:00' },
    { from: '02:15', to: '24:00', days: ['sun'] },
    { from: '23:30', to: '02:10', days: ['sat'] },
    { from: '01:50', to: '01:40', days: ['sat', 'sun'] },
    { days: ['sun'] },
  ]

  it.each(changes)(
    'agrees with Intl in %s at every minute from the day before %s to the day after',
    (timezone, day) => {
      const format = new Intl.DateTimeFormat('en-CA', {
        timeZone: timezone,
        hourCycle: 'h23',
        year: 'numeric',
        month: '2-digit',
        day: '2-digit',
        hour: '2-digit',
        minute: '2-digit',
      })
      const compiled = windows.map((config) => ({ config, window: compile({ ...config, timezone }) }))
      const wrong: string[] = []
      let open = 0
      for (let ms = at(`${day}T00:00Z`) - DAY; ms < at(`${day}T00:00Z`) + 2 * DAY; ms += MINUTE) {
        const now = wall(format, ms)
        for (const { config, window } of compiled) {
          const isOpen = window.isOpen(ms + 59_999)
          if (isOpen) open++
          if (isOpen !== expected(now, config)) wrong.push(`${JSON.stringify(config)} ${now.day} ${now.time}`)
        }
      }
      expect(wrong).toEqual([])
      expect(open).toBeGreaterThan(1000)
    },
  )

  it('skips what the clock skips and counts twice what comes twice', () => {
    const minutes = (timezone: string, day: string): number => {
      const window = compile({ from: '02:00', to: '03:00', timezone })
      let open = 0
      for (let ms = at(`${day}T00:00Z`); ms < at(`${day}T00:00Z`) + DAY; ms += MINUTE) if (window.isOpen(ms)) open++
      return open
    }
    expect([minutes('Europe/Berlin', '2026-03-29'), minutes('Europe/Berlin', '2026-10-25')]).toEqual([0, 120])
  })
})
