import type { MessageView, Reply } from 'node-spoe'
import { describe, expect, it } from 'vitest'
import { Actors } from '../../agent/actor/actors.ts'
import { checkHandler } from '../../agent/check.ts'
import { DecisionCounters } from '../../agent/counters.ts'
import type { Command } from '../../agent/dispatch/command.ts'
import type { Ticket } from '../../agent/dispatch/dispatcher.ts'
import { authenticatorOf, identityOf, rulesOf, WORDING } from './rules/support.ts'

const RULES = `rules:
  - { name: pay, match: { path: /pay }, identity: { require: corp }, workflow: { start: requestHook, delivery: strict } }
  - name: open
    match: { path: /open }
    identity: { require: corp }
    workflow: { start: requestHook, delivery: strict, onUnstored: allow }
  - { name: closed, match: { path: /closed }, deny: 403, workflow: { start: requestHook, delivery: strict } }
`

interface Asked {
  readonly vars: Record<string, unknown>
  readonly reply: { settled: boolean; overflows: boolean; setVar(scope: string, name: string, value: unknown): void }
  readonly commands: Command[]
  /** What was told of the ticket. */
  readonly told: string[]
  readonly counters: DecisionCounters
  readonly answered: Promise<void>
}

/** Asks the handler once. `stored` is what the disk says, and when; undefined: the event is shed at once. */
function ask(path: string, stored: Promise<boolean> | undefined, deadlineMs = 40): Asked {
  const ruleSet = rulesOf(RULES)
  const counters = new DecisionCounters(ruleSet.rules)
  const commands: Command[] = []
  const told: string[] = []
  const handler = checkHandler({
    ruleSet,
    authenticator: authenticatorOf(() => ({ ok: true, identity: identityOf() })),
    dispatcher: {
      dispatch: () => {
        throw new Error('not strict')
      },
      dispatchStrict(command): Ticket | undefined {
        commands.push(command)
        if (stored === undefined) return undefined
        // The first word counts, as with those of the dispatcher.
        const tell = (word: string) => () => void (told.length === 0 && told.push(word))
        return { number: 1, stored, keep: tell('keep'), refuse: tell('refuse') }
      },
      leaveOut() {},
    },
    deadlineMs,
    counters,
    actors: new Actors(),
    wording: WORDING,
  })
  const vars: Record<string, unknown> = {}
  const reply = {
    settled: false,
    overflows: false,
    setVar: (_: string, name: string, value: unknown) => void (vars[name] = value),
    unsetVar: (_: string, name: string) => void Reflect.deleteProperty(vars, name),
  }
  const facts: Record<string, unknown> = {
    id: 'r-1',
    method: 'POST',
    host: 'a',
    path,
    query: '',
    src: '192.0.2.1',
    tls: true,
    auth: 'Bearer x',
    auth_count: 1,
  }
  const view = { get: (name: string) => facts[name], type: () => 8 } as unknown as MessageView<Record<string, never>>
  const answered = Promise.resolve(handler.handle(view as never, reply as unknown as Reply))
  return { vars, reply, commands, told, counters, answered }
}

const never = new Promise<boolean>(() => undefined)

describe('a request of a rule with "delivery: strict"', () => {
  it('is answered when its event is on disk, and not before', async () => {
    const { promise, resolve } = Promise.withResolvers<boolean>()
    const asked = ask('/pay', promise, 3_600_000)
    await new Promise((resolve) => setImmediate(resolve))
    expect(asked.vars).not.toHaveProperty('decision')
    expect(asked.told).toEqual([])
    resolve(true)
    await asked.answered
    expect(asked.vars).toMatchObject({ decision: 'allow', event_id: 'pay/r-1', workflow_id: 'pay/r-1' })
    expect(asked.told).toEqual(['keep'])
  })

  it.each([
    ['the disk does not take it', Promise.resolve(false), ['refuse']],
    ['the disk takes too long', never, ['refuse']],
    ['there is no room', undefined, []],
  ])('is refused with 503 when %s, and its event is taken back', async (_, stored, told) => {
    const asked = ask('/pay', stored)
    await asked.answered
    expect(asked.vars).toMatchObject({ decision: 'deny', status: 503, reason: 'event_not_stored', rule: 'pay' })
    expect(asked.vars).not.toHaveProperty('event_id')
    expect(asked.told).toEqual(told)
    expect([...asked.counters.decisions()]).toContainEqual({ rule: 'pay', reason: 'event_not_stored', count: 1 })
  })

  it('is let in without its event where the rule says so', async () => {
    const asked = ask('/open', never)
    await asked.answered
    expect(asked.vars).toMatchObject({ decision: 'allow', rule: 'open' })
    expect(asked.vars).not.toHaveProperty('event_id')
    expect(asked.told).toEqual(['refuse'])
  })

  it('stays refused by a rule that refuses, whatever the disk does', async () => {
    const asked = ask('/closed', Promise.resolve(false))
    await asked.answered
    expect(asked.vars).toMatchObject({ decision: 'deny', status: 403, reason: 'policy_denied' })
  })

  it('has no event when its answer fails', async () => {
    const asked = ask('/pay', Promise.resolve(true))
    asked.reply.setVar = () => {
      throw new Error('no room')
    }
    await expect(asked.answered).rejects.toThrow('no room')
    expect(asked.told).toEqual(['refuse'])
  })

  it('has no event when its answer came by the deadline, or does not fit', async () => {
    for (const state of ['settled', 'overflows'] as const) {
      const asked = ask('/pay', Promise.resolve(true))
      asked.reply[state] = true
      await asked.answered
      expect(asked.told).toEqual(['refuse'])
    }
  })
})
