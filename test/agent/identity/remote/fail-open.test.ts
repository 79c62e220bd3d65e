import { describe, expect, it } from 'vitest'
import { createAuthenticator } from '../../../../agent/identity/authenticator.ts'
import { decide } from '../../../../agent/rules/decide.ts'
import { requestOf, rulesOf } from '../../rules/support.ts'
import { type Setup, setUp } from '../introspection/support.ts'
import { evidenceOf } from '../support/evidence.ts'
import { memoryLog, until } from '../support/provider.ts'

// From the server that is asked to the decision: who gets in through a rule with failOpen.
const RULES = rulesOf(
  'rules:\n  - { name: open, match: { path: /open }, identity: { require: corp, failOpen: true } }\n',
)

/** Reasons of the decisions about so many tokens that were never seen before, in turn. */
async function reasons({ scheme }: Setup, word: string, times = 20): Promise<string[]> {
  await until(() => scheme.ready())
  const auth = createAuthenticator([], { log: memoryLog(), schemes: () => [scheme] })
  const all: string[] = []
  for (let i = 0; i < times; i++) {
    const evidence = evidenceOf({ authorization: `Bearer ${word}-${i}` })
    all.push((await decide(RULES, auth, requestOf('GET', '/open'), evidence)).reason)
  }
  return all
}

describe('a rule with failOpen', () => {
  it.each([400, 401, 403, 404, 429, 500])('lets nobody in who makes the server say %i', async (status) => {
    await using setup = await setUp()
    setup.reply(({ form }) => (form.get('token')?.startsWith('bad') === true ? { status } : { body: setup.active() }))
    expect(new Set(await reasons(setup, 'bad'))).toEqual(new Set(['introspection_unavailable']))
    setup.pass(20_000)
    expect(await reasons(setup, 'good', 1)).toEqual(['ok'])
  })

  it.each([
    ['drops the connection', { drop: true }],
    ['makes a worker crash behind its proxy', { status: 502 }],
  ])('lets nobody in whose token the firewall before the server objects to: it %s', async (_, objection) => {
    await using setup = await setUp()
    setup.reply(({ form }) => (form.get('token')?.startsWith('bad') === true ? objection : { body: setup.active() }))
    expect(new Set(await reasons(setup, 'bad'))).toEqual(new Set(['introspection_unavailable']))
    // Nor are others kept out.
    expect(await reasons(setup, 'good', 1)).toEqual(['ok'])
    expect(setup.scheme.isAway()).toBe(false)
  })

  it('lets callers in while the server is away, from its fifth failure in a row to its next answer', async () => {
    await using setup = await setUp()
    setup.reply(() => ({ status: 503 }))
    const during = await reasons(setup, 'a', 7)
    expect(during).toEqual([
      ...Array<string>(4).fill('introspection_unavailable'),
      ...Array<string>(3).fill('fail_open'),
    ])
    setup.reply(() => ({ status: 403 }))
    setup.pass(20_000)
    expect(await reasons(setup, 'b', 3)).toEqual(Array<string>(3).fill('introspection_unavailable'))
    setup.reply(() => ({ body: { active: false } }))
    expect(await reasons(setup, 'c', 3)).toEqual(Array<string>(3).fill('inactive'))
  })
})
