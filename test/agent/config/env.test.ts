import fc from 'fast-check'
import { expect, it } from 'vitest'
import { interpolate } from '../../../agent/config/env.ts'

it('takes a variable that is set', () => {
  expect(interpolate('a${X}b', { X: '1' })).toEqual({ ok: true, value: 'a1b' })
})

it('takes the default when the variable is absent or empty', () => {
  expect(interpolate('${X:-d}', {})).toEqual({ ok: true, value: 'd' })
  expect(interpolate('${X:-d}', { X: '' })).toEqual({ ok: true, value: 'd' })
  expect(interpolate('${X:-}', {})).toEqual({ ok: true, value: '' })
})

it('says which variable is missing, and where', () => {
  expect(interpolate('ab${X}', {})).toEqual({ ok: false, kind: 'unset', name: 'X', offset: 2, length: 4 })
})

it('refuses a reference that has no end', () => {
  expect(interpolate('${X', { X: '1' })).toEqual({ ok: false, kind: 'syntax', offset: 0, length: 2 })
})

it('writes "$${" as a literal "${"', () => {
  expect(interpolate('$${X}', { X: '1' })).toEqual({ ok: true, value: '${X}' })
})

it('never interpolates what a variable holds', () => {
  expect(interpolate('${X}', { X: '${Y}', Y: '1' })).toEqual({ ok: true, value: '${Y}' })
})

it('leaves a text without "${" as it is', () => {
  fc.assert(
    fc.property(
      fc.string().filter((text) => !text.includes('${')),
      (text) => {
        expect(interpolate(text, {})).toEqual({ ok: true, value: text })
      },
    ),
  )
})
