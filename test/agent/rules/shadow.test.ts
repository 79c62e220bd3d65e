import { describe, expect, it } from 'vitest'
import type { AuthResult } from '../../../agent/identity/identity.ts'
import { alice, away, Deciding, nobody } from './deciding.ts'

const SHADOW = `  - { name: closed, mode: shadow, match: { path: "/**" }, deny: 404 }
  - { name: corp-only, mode: shadow, identity: { require: corp } }
  - { name: other-only, mode: shadow, identity: { require: other } }
  - { name: real, identity: { require: corp } }
`

describe('a rule in shadow mode', () => {
  it('decides nothing: what it would have done is told, and the next rules decide', () => {
    const rules = new Deciding(SHADOW)
    expect(rules.ask({}, alice)).toMatchObject({ allow: true, rule: { name: 'real' } })
    expect(rules.shadows.map(([name, { allow, status }]) => [name, allow, status])).toEqual([
      ['closed', false, 404],
      ['corp-only', true, 200],
      ['other-only', true, 200],
    ])
  })

  it('that would let a caller in opens nothing', () => {
    const rules = new Deciding(
      '  - { name: open, mode: shadow, identity: none }\n  - { name: shut, identity: { require: corp } }\n',
    )
    expect(rules.ask({}, nobody)).toMatchObject({ allow: false, status: 401, rule: { name: 'shut' } })
  })

  it('that cannot be judged denies nothing', () => {
    const rules = new Deciding(
      `  - { name: s, mode: shadow, match: { header: { x: a } }, deny: 403 }
  - { name: t, mode: shadow, match: { when: 'identity.claims.none == "x"' }, identity: { require: corp } }
  - { name: u, mode: shadow, identity: { require: corp, failOpen: true } }
  - { name: real, identity: none }
`,
    )
    expect(rules.ask({ fields: { x: ['a', 'b'] } }, alice)).toMatchObject({ allow: true, rule: { name: 'real' } })
    expect(rules.shadows.map(([name, { reason }]) => [name, reason])).toEqual([
      ['s', 'policy_error'],
      ['t', 'policy_error'],
      ['u', 'ok'],
    ])
    rules.shadows.length = 0
    expect(rules.ask({}, away)).toMatchObject({ allow: true, rule: { name: 'real' } })
    expect(rules.shadows.map(([name, { reason }]) => [name, reason])).toEqual([
      ['t', 'keys_unavailable'],
      ['u', 'fail_open'],
    ])
  })

  it('does not lend its caller to rules that ask other providers', () => {
    const answers = (providers: readonly string[]): AuthResult => (providers.includes('corp') ? alice : nobody)
    const rules = new Deciding(
      '  - { name: s, mode: shadow, identity: { require: corp } }\n  - { name: real, identity: { require: other } }\n',
    )
    expect(rules.ask({}, answers)).toMatchObject({ allow: false, status: 401, rule: { name: 'real' } })
  })

  it('between rules of one requirement leaves them their caller, of whom it may be asked again', () => {
    const asked: string[] = []
    const answers = (providers: readonly string[]): AuthResult => {
      asked.push(providers.join())
      return providers.includes('corp') ? alice : nobody
    }
    const rules =
      new Deciding(`  - { name: a, match: { when: 'identity.subject == "bob"' }, identity: { require: corp } }
  - { name: s, mode: shadow, identity: { require: other } }
  - { name: c, identity: { require: corp } }
`)
    expect(rules.ask({}, answers)).toMatchObject({ allow: true, rule: { name: 'c' }, identity: { subject: 'alice' } })
    expect(asked).toEqual(['corp', 'other', 'corp'])
  })

  it('does not use up a credential that is good for one request', () => {
    // As the stores of used credentials do: a request may ask again, another one may not.
    const used = new Map<string, string>()
    const once = (id: string) => (): AuthResult => {
      const first = used.get('credential') ?? id
      used.set('credential', first)
      return first === id ? alice : { ok: false, reason: 'replayed' }
    }
    const rules = new Deciding(SHADOW)
    expect(rules.ask({}, once('1'))).toMatchObject({ allow: true, rule: { name: 'real' } })
    expect(rules.ask({}, once('2'))).toMatchObject({ allow: false, reason: 'replayed', rule: { name: 'real' } })
  })

  it('that has to wait for its caller is told of once, and the rules behind it decide', async () => {
    const rules = new Deciding(SHADOW)
    const decision = rules.later({}, async () => alice)
    expect(decision).toBeInstanceOf(Promise)
    expect(await decision).toMatchObject({ allow: true, rule: { name: 'real' } })
    expect(rules.shadows.map(([name]) => name)).toEqual(['closed', 'corp-only', 'other-only'])
  })

  it('with a limit is counted once, though it had to wait', async () => {
    const rules = new Deciding(
      '  - { name: s, mode: shadow, identity: { require: corp }, limit: { key: identity.subject, rate: 2/1h } }\n' +
        '  - { name: real, identity: none }\n',
    )
    await rules.later({}, async () => alice)
    await rules.later({}, async () => alice)
    expect(rules.shadows.map(([, { reason }]) => reason)).toEqual(['ok', 'ok'])
  })
})

describe('rules for connections', () => {
  const rules = (): Deciding =>
    new Deciding(`  - { name: lan, on: connection, match: { source: "10.0.0.0/8" }, identity: none, route: tcp }
  - { name: web, match: { path: "/**" }, identity: none, route: web }
`)

  it('are never asked of requests, nor those of requests of connections', async () => {
    const one = rules()
    expect(one.ask({ source: '10.0.0.1' })).toMatchObject({ rule: { name: 'web' } })
    expect(await one.connect({ source: '10.0.0.1' })).toMatchObject({ allow: true, rule: { name: 'lan' } })
    expect(await one.connect({ source: '192.0.2.1' })).toMatchObject({ allow: false, reason: 'default_denied' })
  })

  it('leave a request alone that looks like a connection', () => {
    const one = rules()
    expect(one.ask({ source: '10.0.0.1', method: '', path: '' })).toMatchObject({ reason: 'default_denied' })
  })
})
