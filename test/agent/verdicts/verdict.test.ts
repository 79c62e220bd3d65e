import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { NO_VERDICT, VerdictView } from '../../../agent/rules/facts.ts'
import { merge, verdictInput, viewOf } from '../../../agent/verdicts/verdict.ts'

const least = { scope: 'tenant', key: 'acme', expiresAt: 1000 } as const

describe('merge', () => {
  it('blocks when either does, for the reason of the more specific one that does', () => {
    const open = new VerdictView(false, '', 'open')
    const shut = new VerdictView(true, '', 'shut')
    const told = [merge(open, shut), merge(shut, open), merge(shut, new VerdictView(true, '', 'other'))]
    expect(told.map(({ block, reason }) => [block, reason])).toEqual([
      [true, 'shut'],
      [true, 'shut'],
      [true, 'shut'],
    ])
    expect(merge(new VerdictView(), open).reason).toBe('open')
    // A verdict that does not block must not give a block its reason.
    expect(merge(new VerdictView(true), open).reason).toBe('')
  })

  it('takes the route of the more specific one, the smaller limit and the tags of both', () => {
    const both = merge(
      new VerdictView(false, 'a', '', 10n, ['x', 'y']),
      new VerdictView(false, 'b', '', 5n, ['y', 'z']),
    )
    expect(both).toMatchObject({ block: false, route: 'a', reason: '', limit: 5n, tags: ['x', 'y', 'z'] })
    expect(merge(new VerdictView(false, '', 'r'), both).route).toBe('a')
  })

  it('is the same however three are put together, and never less strict than one of them', () => {
    const view = fc
      .tuple(
        fc.boolean(),
        fc.constantFrom('', 'a', 'b'),
        fc.constantFrom('', 'r', 's'),
        fc.nat(3),
        fc.subarray(['x', 'y']),
      )
      .map(([block, route, reason, limit, tags]) => new VerdictView(block, route, reason, BigInt(limit), tags))
    const some = fc.oneof(fc.constant(NO_VERDICT), view)
    fc.assert(
      fc.property(some, some, some, (a, b, c) => {
        const all = merge(merge(a, b), c)
        expect(all).toEqual(merge(a, merge(b, c)))
        for (const one of [a, b, c]) {
          if (one.block) expect(all.block).toBe(true)
          if (one.limit > 0n) expect(all.limit > 0n && all.limit <= one.limit).toBe(true)
          expect(all.tags).toEqual(expect.arrayContaining([...one.tags]))
        }
      }),
    )
  })

  it('makes nothing when one of the two says nothing', () => {
    const view = new VerdictView(true)
    expect(merge(view, NO_VERDICT)).toBe(view)
    expect(merge(NO_VERDICT, view)).toBe(view)
    expect(merge(NO_VERDICT, NO_VERDICT)).toBe(NO_VERDICT)
  })
})

describe('viewOf', () => {
  it('is NO_VERDICT for what says nothing', () => {
    expect(viewOf(verdictInput.parse(least))).toBe(NO_VERDICT)
    expect(viewOf(verdictInput.parse({ ...least, block: false, route: '', tags: [] }))).toBe(NO_VERDICT)
  })

  it('is frozen, with its tags once each', () => {
    const view = viewOf(verdictInput.parse({ ...least, limit: 5, tags: ['a', 'b', 'a'] }))
    expect(view).toMatchObject({ block: false, route: '', reason: '', limit: 5n, tags: ['a', 'b'] })
    expect([Object.isFrozen(view), Object.isFrozen(view.tags)]).toEqual([true, true])
  })
})

describe('the schema of verdicts', () => {
  it.each([
    { ...least, scope: 'user' },
    { ...least, key: '' },
    { ...least, key: 'x'.repeat(1025) },
    { ...least, scope: 'subject' },
    { ...least, scope: 'source', key: '10.0.0.0/8' },
    { ...least, scope: 'source', key: '10.0.0.1', provider: 'oidc' },
    { ...least, scope: 'key', provider: 'oidc' },
    { ...least, route: 'a b' },
    { ...least, reason: 'a\nb' },
    { ...least, reason: 'x'.repeat(201) },
    { ...least, limit: 0 },
    { ...least, limit: 1.5 },
    { ...least, tags: [''] },
    { ...least, tags: Array.from({ length: 21 }, (_, i) => `${i}`) },
    { ...least, version: -1 },
    { ...least, expiresAt: Infinity },
    { ...least, expiresAt: '2026-11-24' },
    { ...least, blocked: true },
    { scope: 'tenant', key: 'acme' },
  ])('refuses %j', (input) => {
    expect(verdictInput.safeParse(input).success).toBe(false)
  })
})
