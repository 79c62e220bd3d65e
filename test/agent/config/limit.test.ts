import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { limits } from '../../../agent/config/limit.ts'

const limit = { key: 'identity.subject', rate: '100/1m' }
const given = {
  key: 'identity.subject',
  rate: { count: 100, periodMs: 60_000 },
  algorithm: 'token-bucket',
  maxKeys: 100_000,
}

function messages(value: unknown): string[] {
  const result = limits.safeParse(value)
  const texts = (issues: readonly z.core.$ZodIssue[]): string[] =>
    issues.flatMap((issue) =>
      issue.code === 'invalid_union' ? issue.errors.flatMap(texts) : [`${issue.path.join('.')}: ${issue.message}`],
    )
  return result.success ? [] : texts(result.error.issues)
}

describe('the schema of a limit', () => {
  it('takes one limit or several', () => {
    expect(limits.parse(limit)).toEqual([given])
    expect(limits.parse([limit, { ...limit, burst: 5, maxKeys: 10 }])).toEqual([
      given,
      { ...given, burst: 5, maxKeys: 10 },
    ])
  })

  it.each<[unknown, string]>([
    [{ ...limit, rate: '100/m' }, 'rate: "100/m" is no rate: write 100/1m'],
    [{ ...limit, rate: 100 }, 'rate: expected a rate such as 100/1m'],
    [{ ...limit, algorithm: 'leaky' }, 'algorithm: expected token-bucket or sliding-window'],
    [
      { ...limit, algorithm: 'sliding-window', burst: 5 },
      ': "sliding-window" takes no "burst": the rate is all it allows',
    ],
    [{ rate: '1/1s' }, 'key: expected a CEL expression that gives a text, such as identity.subject'],
    [[], ': expected one limit at least'],
    [[limit, { ...limit, rate: '0/1s' }], '1.rate: "0/1s" counts outside 1 to 1000000'],
  ])('refuses %j', (value, message) => {
    expect(messages(value)).toContain(message)
  })

  it('says of every key what it is for', () => {
    const [one] = z.toJSONSchema(limits, { io: 'input' }).anyOf ?? []
    const properties = Object.entries((one?.properties ?? {}) as Record<string, object>)
    expect(properties.map(([key]) => key)).toEqual(['key', 'rate', 'burst', 'algorithm', 'maxKeys'])
    expect(properties.filter(([, property]) => !('description' in property))).toEqual([])
  })
})
