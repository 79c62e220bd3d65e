import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { networks, timeWindow, valueMatcher } from '../../../agent/config/match.ts'
import { compileNetworks } from '../../../agent/rules/network.ts'
import { compileTimeWindow } from '../../../agent/rules/time-window.ts'
import { compileValueMatcher } from '../../../agent/rules/value-matcher.ts'

/** Every message, those of the branches of unions too. */
function messages(schema: z.ZodType, value: unknown): string[] {
  const result = schema.safeParse(value)
  const texts = (issues: readonly z.core.$ZodIssue[]): string[] =>
    issues.flatMap((issue) =>
      issue.code === 'invalid_union' ? issue.errors.flatMap(texts) : [`${issue.path.join('.')}: ${issue.message}`],
    )
  return result.success ? [] : texts(result.error.issues)
}

describe('the schema of match.header and match.query', () => {
  it.each([
    ['acme'],
    [''],
    [['1', '2']],
    [{ present: true }],
    [{ present: false }],
    [{ prefix: 'a' }],
    [{ suffix: 'a' }],
    [{ contains: 'a' }],
    [{ regex: '^a+$' }],
  ])('takes %j, which compiles', (config) => {
    expect(compileValueMatcher(valueMatcher.parse(config))).toBeTypeOf('function')
  })

  it.each<[unknown, string]>([
    [1, ': expected a text; a number, true or false stands in quotes'],
    [['1', 2], '1: expected a text; a number, true or false stands in quotes'],
    [[], ': expected one value at least'],
    [{}, ': expected exactly one of "present", "prefix", "suffix", "contains", "regex"'],
    [{ prefix: 'a', suffix: 'b' }, ': expected exactly one of "present", "prefix", "suffix", "contains", "regex"'],
    [{ contains: '' }, 'contains: expected a text that is not empty: every value holds the empty one'],
    [{ prefx: 'a' }, ': Unrecognized key: "prefx"'],
  ])('refuses %j', (config, message) => {
    expect(messages(valueMatcher, config)).toContain(message)
  })

  it('refuses a pattern that RE2 has not', () => {
    expect(messages(valueMatcher, { regex: '(?=a)' }).filter((text) => text.startsWith('regex: '))).toHaveLength(1)
  })
})

describe('the schema of match.source', () => {
  it.each([['10.0.0.0/8'], [['10.0.0.0/8', '!10.9.0.0/16', '::1']]])('takes %j, which compiles', (config) => {
    expect(compileNetworks(networks.parse(config))).toBeTypeOf('function')
  })

  it('names the place of the entry that is wrong', () => {
    expect(messages(networks, ['::1', '10.1.2.3/8'])).toContain(
      '1: "10.1.2.3/8" has bits beyond the prefix: write 10.0.0.0/8',
    )
  })
})

describe('the schema of match.time', () => {
  it.each([
    [{ days: ['mon', 'sun'] }],
    [{ from: '08:00', to: '18:00', timezone: 'Europe/Berlin' }],
    [{ from: '22:00', to: '06:00' }],
    [{ to: '24:00' }],
  ])('takes %j, which compiles', (config) => {
    expect(compileTimeWindow(timeWindow.parse(config))).toBeTypeOf('object')
  })

  it.each<[unknown, string]>([
    [{ days: ['monday'] }, 'days.0: expected days: mon, tue, wed, thu, fri, sat, sun'],
    [{ days: [] }, 'days: expected one day at least'],
    [{ from: 8 }, 'from: expected a time in quotes, such as "08:00"'],
    [{ from: '24:00' }, 'from: expected a time in quotes, such as "08:00"'],
    [{ to: '25:00' }, 'to: expected a time in quotes, such as "18:00", up to "24:00"'],
    [{ days: ['mon'], timezone: 'Mars' }, 'timezone: "Mars" is no time zone: '],
    [{ timezone: 'UTC' }, ': expected "days", "from" or "to": a window that is always open restricts nothing'],
    [{ from: '08:00', to: '08:00' }, ': "from" and "to" are both "08:00": leave both out for whole days'],
  ])('refuses %j', (config, message) => {
    expect(messages(timeWindow, config)).toEqual([expect.stringContaining(message)])
  })
})

it('every key says what it is for', () => {
  const undescribed: string[] = []
  const walk = (schema: unknown, path: string): void => {
    const { properties, anyOf, items } = schema as Record<string, Record<string, unknown> & unknown[]>
    for (const [key, value] of Object.entries(properties ?? {})) {
      if (!('description' in (value as object))) undescribed.push(`${path}.${key}`)
      walk(value, `${path}.${key}`)
    }
    for (const branch of anyOf ?? []) walk(branch, path)
    if (items !== undefined) walk(items, path)
  }
  for (const [name, schema] of Object.entries({ valueMatcher, networks, timeWindow })) {
    const json = z.toJSONSchema(schema, { io: 'input' })
    expect(json.description, name).toBeTypeOf('string')
    walk(json, name)
  }
  expect(undescribed).toEqual([])
})
