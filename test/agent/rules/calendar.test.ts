import { expect, it } from 'vitest'
import { createCalendar, UTC } from '../../../agent/rules/calendar.ts'

const berlin = createCalendar('Europe/Berlin')

it.each([
  // The hour from 02:00 to 03:00 is skipped.
  ['2026-03-29T00:59:59Z', { year: 2026, month: 2, day: 29, weekday: 0, dayOfYear: 87, hour: 1, minute: 59 }],
  ['2026-03-29T01:00:00Z', { year: 2026, month: 2, day: 29, weekday: 0, dayOfYear: 87, hour: 3, minute: 0 }],
  // The hour from 02:00 to 03:00 comes twice.
  ['2026-10-25T00:30:00Z', { year: 2026, month: 9, day: 25, weekday: 0, dayOfYear: 297, hour: 2, minute: 30 }],
  ['2026-10-25T01:30:00Z', { year: 2026, month: 9, day: 25, weekday: 0, dayOfYear: 297, hour: 2, minute: 30 }],
  // Midnight, and the turn of the year.
  ['2027-12-31T23:00:00Z', { year: 2028, month: 0, day: 1, weekday: 6, dayOfYear: 0, hour: 0, minute: 0 }],
  ['2028-12-31T22:59:00Z', { year: 2028, month: 11, day: 31, weekday: 0, dayOfYear: 365, hour: 23, minute: 59 }],
])('in Berlin %s is %j', (time, expected) => {
  expect(berlin(Date.parse(time))).toEqual(expected)
})

it('goes on from minute to minute, and back', () => {
  const start = Date.parse('2026-11-24T22:58:00Z')
  const seen = [0, 59_999, 60_000, 120_000, 0].map((ms) => {
    const { hour, minute, day } = berlin(start + ms)
    return [day, hour, minute]
  })
  expect(seen).toEqual([
    [24, 23, 58],
    [24, 23, 58],
    [24, 23, 59],
    [25, 0, 0],
    [24, 23, 58],
  ])
})

it('knows zones with offsets of odd minutes', () => {
  expect(createCalendar('Asia/Kathmandu')(Date.parse('2026-01-01T00:00:00Z'))).toMatchObject({ hour: 5, minute: 45 })
})

it('UTC is what Date says', () => {
  for (const ms of [0, -1, Date.parse('2024-02-29T12:34:56Z'), Date.parse('0099-12-31T00:00:00Z')]) {
    const date = new Date(ms)
    expect(UTC(ms)).toMatchObject({
      year: date.getUTCFullYear(),
      month: date.getUTCMonth(),
      day: date.getUTCDate(),
      weekday: date.getUTCDay(),
      hour: date.getUTCHours(),
      minute: date.getUTCMinutes(),
    })
  }
  expect(UTC(Date.parse('2024-12-31T00:00:00Z')).dayOfYear).toBe(365)
})

it('throws for a zone that is not known', () => {
  expect(() => createCalendar('Europe/Nowhere')).toThrow(RangeError)
})
