import { expect, it } from 'vitest'
import { parseMoment } from '../../../agent/admin/moment.ts'

const NOW = Date.parse('2026-11-24T18:00:00Z')

it.each([
  ['2h', NOW - 7_200_000],
  ['1.5s', NOW - 1500],
  ['0s', NOW],
  ['2026-11-24', Date.parse('2026-11-24T00:00:00Z')],
  ['2026-11-24T10:00:00+02:00', Date.parse('2026-11-24T08:00:00Z')],
  ['1795500000123', 1_795_500_000_123],
])('%s is a moment', (text, moment) => {
  expect(parseMoment(text, NOW)).toBe(moment)
})

it.each(['', 'yesterday', '2', '-2h', '2026-02-30', '2026-11-24T10:00:00', '1795500000'])('%j is none', (text) => {
  expect(parseMoment(text, NOW)).toBeUndefined()
})
