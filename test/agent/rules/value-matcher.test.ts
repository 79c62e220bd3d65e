import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compileValueMatcher, type ValueMatcher, type ValueMatcherConfig } from '../../../agent/rules/value-matcher.ts'

function compile(config: ValueMatcherConfig): ValueMatcher {
  const matcher = compileValueMatcher(config)
  if (typeof matcher === 'string') throw new Error(matcher)
  return matcher
}

describe('compileValueMatcher', () => {
  it.each<[ValueMatcherConfig, string[], string[]]>([
    ['acme', ['acme'], ['Acme', 'acme ', 'acm', '', 'acmes']],
    ['', [''], [' ', 'a']],
    [
      ['1', '2'],
      ['1', '2'],
      ['3', '12', '', '1,2'],
    ],
    [{ present: true }, ['', 'a'], []],
    [{ present: false }, [], ['', 'a']],
    [{ prefix: 'curl/' }, ['curl/', 'curl/8.1'], ['Curl/8', ' curl/', 'curl', '']],
    [{ suffix: '.json' }, ['.json', 'a.json'], ['a.json ', 'json', '']],
    [{ contains: 'bot' }, ['bot', 'a bot here'], ['Bot', 'bo t', '']],
    [{ regex: '^[0-9]+$' }, ['0', '123'], ['', 'a1', '1\n']],
    [{ regex: '[0-9]' }, ['a1b'], ['', 'ab']],
    [{ regex: '(?i)^bot$' }, ['BOT', 'bot'], ['bots']],
  ])('%j', (config, fitting, others) => {
    const matches = compile(config)
    expect(fitting.filter((value) => !matches(value))).toEqual([])
    expect(others.filter((value) => matches(value))).toEqual([])
  })

  it('matches a value that is not there with present: false only', () => {
    const configs: ValueMatcherConfig[] = ['', [''], { present: true }, { prefix: 'a' }, { suffix: 'a' }]
    configs.push({ contains: 'a' }, { regex: '.*' }, ['1', '2', '3', '4', '5', '6', '7', '8', '9', 'undefined'])
    expect(configs.filter((config) => compile(config)(undefined))).toEqual([])
    expect(compile({ present: false })(undefined)).toBe(true)
  })

  it('takes a list as any of its texts, however long it is', () => {
    const texts = fc.array(fc.string({ maxLength: 3 }), { minLength: 1, maxLength: 20 })
    fc.assert(
      fc.property(texts, fc.string({ maxLength: 3 }), (list, other) => {
        const matches = compile(list)
        expect(list.every((text) => matches(text))).toBe(true)
        expect(matches(other)).toBe(list.includes(other))
      }),
    )
  })

  it('takes linear time for a pattern that other engines need years for', () => {
    expect(compile({ regex: '^(a+)+$' })(`${'a'.repeat(5000)}b`)).toBe(false)
  })

  it('does not say that a value fits not when it is too long for a pattern', () => {
    expect(() => compile({ regex: 'a' })('b'.repeat(20_000))).toThrow(RangeError)
    expect(compile({ contains: 'a' })('b'.repeat(20_000))).toBe(false)
  })

  it.each<[ValueMatcherConfig, RegExp]>([
    [[], /^the list of values is empty: give one at least$/],
    [{}, /^expected exactly one of "present", "prefix", "suffix", "contains", "regex"$/],
    [{ prefix: 'a', suffix: 'b' }, /exactly one of .*, not 2$/],
    [{ contains: '' }, /^"contains" is empty and fits every value: \{ present: true \} says that$/],
    [{ regex: '' }, /^"regex" is empty/],
    [{ regex: '(' }, /missing closing \)/],
    [{ regex: '(?=a)' }, /\(\?=/],
  ])('says what is wrong with %j', (config, message) => {
    expect(compileValueMatcher(config)).toMatch(message)
  })
})
