import { describe, expect, it } from 'vitest'
import { alice, away, Deciding, nobody } from './deciding.ts'

const times = (count: number, ask: () => { reason: string }): string[] =>
  Array.from({ length: count }, () => ask().reason)

describe('a rule with a limit', () => {
  it('answers 429 beyond it, says when to come again, and how many requests are left', () => {
    const rules = new Deciding('  - { name: a, identity: none, limit: { key: connection.source, rate: 2/1h } }\n')
    expect(rules.ask({})).toMatchObject({ allow: true, remaining: 1 })
    expect(rules.ask({})).toMatchObject({ allow: true, remaining: 0 })
    const refused = rules.ask({})
    expect(refused).toMatchObject({ allow: false, status: 429, reason: 'rate_limited', remaining: 0 })
    expect(refused.retryAfterS).toBeGreaterThan(0)
    expect(rules.ask({ source: '192.0.2.9' })).toMatchObject({ allow: true })
  })

  it('decides all the same: who is over it does not fall through to a later rule', () => {
    const rules = new Deciding(
      '  - { name: a, identity: none, limit: { key: connection.source, rate: 1/1h } }\n  - { name: b, identity: none }\n',
    )
    rules.ask({})
    expect(rules.ask({})).toMatchObject({ allow: false, rule: { name: 'a' } })
  })

  it.each(['request.headers["x-key"]', 'identity.claims.plan', 'request.params.key'])(
    'denies when its key cannot be told: nobody gets round it by leaving out %s',
    (key) => {
      const rules = new Deciding(
        `  - { name: a, identity: { require: corp }, limit: { key: '${key}', rate: 100/1s } }\n`,
      )
      expect(rules.ask({}, alice)).toMatchObject({ allow: false, status: 403, reason: 'policy_error' })
    },
  )

  it('denies when its key comes twice', () => {
    const rules = new Deciding(
      `  - { name: a, identity: none, limit: { key: 'request.headers["x-key"]', rate: 100/1s } }\n`,
    )
    expect(rules.ask({ fields: { 'x-key': ['a', 'b'] } })).toMatchObject({ reason: 'policy_error' })
  })

  it('is not drained by callers that it refuses for another reason', () => {
    const rules = new Deciding(
      '  - { name: a, identity: { require: corp, scopes: [b] }, limit: { key: \'"x"\', rate: 1/1h } }\n' +
        '  - { name: c, identity: none }\n',
    )
    expect(times(3, () => rules.ask({}, alice))).toEqual(Array(3).fill('insufficient_scope'))
    expect(times(3, () => rules.ask({}, nobody))).toEqual(Array(3).fill('no_credentials'))
  })

  it('with several limits takes from all or from none', () => {
    const rules = new Deciding(
      '  - name: a\n    identity: none\n    limit:\n' +
        '      - { key: request.path, rate: 3/1h }\n      - { key: connection.source, rate: 1/1h }\n',
    )
    expect(rules.ask({ path: '/x' })).toMatchObject({ allow: true, remaining: 0 })
    expect(times(5, () => rules.ask({ path: '/x' }))).toEqual(Array(5).fill('rate_limited'))
    // Had the refused ones been counted for the path, there would be none left.
    expect(rules.ask({ path: '/x', source: '192.0.2.2' })).toMatchObject({ allow: true })
    expect(rules.ask({ path: '/x', source: '192.0.2.3' })).toMatchObject({ allow: true })
    expect(rules.ask({ path: '/x', source: '192.0.2.4' })).toMatchObject({ reason: 'rate_limited' })
  })

  it.each([
    ['the longer first', ['1/1h', '1/1m']],
    ['the longer last', ['1/1m', '1/1h']],
  ])('with several limits over tells the longest wait, and each counts that it refused: %s', (_, rates) => {
    const limits = rates.map((rate) => `      - { key: connection.source, rate: ${rate} }\n`).join('')
    const rules = new Deciding(`  - name: a\n    identity: none\n    limit:\n${limits}`)
    expect(rules.ask({})).toMatchObject({ allow: true })
    const refused = rules.ask({})
    expect(refused).toMatchObject({ allow: false, status: 429 })
    // A minute would be too soon: the other limit would refuse again.
    expect(refused.retryAfterS).toBeGreaterThan(60)
    expect(rules.rules.limiterIds).toHaveLength(2)
    rules.limiters.retain(rules.rules.limiterIds)
    expect([...rules.limiters.counters()].map(([, { allowed, limited }]) => [allowed, limited])).toEqual([
      [1, 1],
      [1, 1],
    ])
  })

  it('in shadow mode refuses nobody, and has an account of its own', () => {
    const rules = new Deciding(
      '  - { name: s, mode: shadow, identity: none, limit: { key: connection.source, rate: 1/1h } }\n' +
        '  - { name: a, identity: none, limit: { key: connection.source, rate: 2/1h } }\n',
    )
    expect(times(3, () => rules.ask({}))).toEqual(['ok', 'ok', 'rate_limited'])
    expect(rules.shadows.map(([, { reason }]) => reason)).toEqual(['ok', 'rate_limited', 'rate_limited'])
  })
})

describe('a rule with a limit that fails open', () => {
  const open = (key: string): Deciding =>
    new Deciding(`  - { name: a, identity: { require: corp, failOpen: true }, limit: { key: '${key}', rate: 1/1h } }\n`)

  it('still limits by what is known without the caller', () => {
    const rules = open('connection.source')
    expect(rules.ask({}, away)).toMatchObject({ allow: true, reason: 'fail_open', remaining: 0 })
    expect(rules.ask({}, away)).toMatchObject({ allow: false, status: 429, reason: 'rate_limited' })
  })

  it('does not put all unproven callers on one account', () => {
    const rules = open('identity.subject')
    expect(times(3, () => rules.ask({}, away))).toEqual(Array(3).fill('fail_open'))
  })

  it('denies an unproven caller whose key cannot be told', () => {
    expect(open('request.headers["x-key"]').ask({}, away)).toMatchObject({ allow: false, reason: 'policy_error' })
  })
})
