import { describe, expect, it } from 'vitest'
import { evaluate, type Truth } from '../../../agent/lint/conditions.ts'
import { HaproxyFile } from '../../../agent/lint/haproxy-file.ts'
import { branchOf, type HaproxyVersion, isAtLeast, parseVersion } from '../../../agent/lint/version.ts'

const version = (text: string): HaproxyVersion => parseVersion(text)!

describe('a version', () => {
  it.each([
    ['3.2.26-1', '3.2.25', true],
    ['3.0', '3.0.11', true],
    ['3.0', '3.1-dev4', false],
    ['3.1-dev3', '3.1-dev4', false],
    ['3.1-dev4', '3.1-dev4', true],
    ['3.1.0', '3.1-dev4', true],
    ['3.1-dev4', '3.1.0', false],
    ['2.6.12-1+deb12u4', '2.6.12', true],
    ['2.10', '2.9', true],
  ])('%s is at least %s: %s', (one, other, expected) => {
    expect(isAtLeast(version(one), version(other))).toBe(expected)
  })

  it.each(['', '3', 'three', '3.0.1.2', '3.x', 'v3.0'])('%j is none', (text) => {
    expect(parseVersion(text)).toBeUndefined()
  })

  it('has a branch', () => {
    expect(branchOf(version('3.2.26-1'))).toBe('3.2')
  })
})

describe('the condition of an .if', () => {
  it.each<[string, string | undefined, Truth]>([
    ['version_atleast(3.0)', '3.0', true],
    ['version_atleast(3.1-dev4)', '3.0.11', false],
    ['version_before(3.1)', '3.0', true],
    ['version_before(3.1)', '3.1', false],
    ['version_atleast(3.0)', undefined, undefined],
    ['defined(HOME)', '3.0', true],
    ['!defined(HOME)', '3.0', false],
    ['defined(NOT)', '3.0', false],
    ['defined(HOME) && version_atleast(2.8)', '3.0', true],
    ['defined(NOT) && version_atleast(2.8)', undefined, false],
    ['defined(HOME) || version_atleast(2.8)', undefined, true],
    ['defined(NOT) || version_atleast(2.8)', undefined, undefined],
    ['(defined(NOT) || defined(HOME)) && !false', '3.0', true],
    ['streq(a,a)', '3.0', true],
    ['strneq(a,a)', '3.0', false],
    ['strstr(banana,nan)', '3.0', true],
    ['feature(OPENSSL)', '3.0', undefined],
    ['1', '3.0', true],
    ['0', '3.0', false],
    ['true', '3.0', true],
    ['', '3.0', false],
    ['true nonsense', '3.0', undefined],
    ['(true', '3.0', undefined],
  ])('%j on %s is %s', (text, on, expected) => {
    const known = on === undefined ? undefined : version(on)
    expect(evaluate(text, { env: { HOME: '/' }, version: known })).toBe(expected)
  })
})

describe('of a file with conditions', () => {
  const TEXT = `global
.if version_atleast(3.2)
 a
.elif version_atleast(3.0)
 b
.if defined(NOT)
 c
.else
 d
.endif
.else
 e
.endif
 f
.notice "f"`
  const lines = (on: string | undefined, which: 'sections' | 'written' = 'sections'): string[] => {
    const file = new HaproxyFile('x', TEXT, {}, on === undefined ? undefined : version(on))
    return file[which][0]!.lines.map(({ words }) => words[0]!.text)
  }

  it.each([
    ['3.2', 'af'],
    ['3.0', 'bdf'],
    ['2.6', 'ef'],
    [undefined, 'abdef'],
  ])('%s reads %s', (on, expected) => {
    expect(lines(on).join('')).toBe(expected)
  })

  it('all that is written can be asked for as well', () => {
    expect(lines('3.2', 'written').join('')).toBe('abcdef')
  })

  it('what is added stands behind the conditions of its section', () => {
    const file = new HaproxyFile('x', TEXT, {}, version('3.0'))
    const [section] = file.sections
    const at = (text: string): number =>
      file.behindConditions(
        section!,
        section!.lines.find(({ words }) => words[0]!.text === text)!,
      ).number
    expect([at('b'), at('d'), at('f')]).toEqual([13, 13, 14])
  })
})
