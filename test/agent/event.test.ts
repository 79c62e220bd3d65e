import { describe, expect, it } from 'vitest'
import { Actors, entityPseudonym } from '../../agent/actor/actors.ts'
import { DEFAULT_FIELDS } from '../../agent/actor/fields.ts'
import type { Command } from '../../agent/dispatch/command.ts'
import { type EventContext, fateOf, NO_KEY, toCommand, windowKey } from '../../agent/event.ts'
import type { Identity } from '../../agent/identity/identity.ts'
import { PseudonymKey } from '../../agent/identity/pseudonym.ts'
import type { EdgeEvent } from '../../agent/messages.ts'
import type { CompiledWorkflow } from '../../agent/rules/rule.ts'
import { Secret } from '../../agent/secrets/secret.ts'
import { factsOf, identityOf, requestOf, rulesOf } from './rules/support.ts'

const ACTOR = 'actor: { pseudonyms: { keyId: k1, secret: "0123456789abcdef0123456789abcdef" } }\n'

/** The workflow of a rule `r` that requires a caller. */
function compiled(workflow: string): CompiledWorkflow {
  const rule = `  - { name: r, match: { path: ["/**"] }, identity: { require: corp }, workflow: { ${workflow} } }\n`
  const [found] = rulesOf(`${ACTOR}rules:\n${rule}`).rules
  if (found?.workflow === undefined) throw new Error('the rule has no workflow')
  return found.workflow
}

function commandOf(workflow: CompiledWorkflow, identity: Identity = identityOf(), context?: EventContext): Command {
  return toCommand(workflow, factsOf(requestOf('GET', '/orders/7'), identity), identity, {}, context)
}

const key = new PseudonymKey('k1', { current: new Secret('a secret of enough characters') })
const pseudonyms: EventContext = { actors: new Actors(DEFAULT_FIELDS, key), failOpen: false }

const workflow = compiled('signal: auditTrail, key: identity.subject, type: note')

it('the same request always makes the same command, but for the time', () => {
  const make = (): object => ({ ...commandOf(workflow), at: 0, body: undefined })
  expect(make()).toEqual(make())
})

it('commands of a rule share one action, which can be told apart by identity', () => {
  expect(commandOf(workflow).action).toBe(workflow.action)
  expect(commandOf(workflow).action).toBe(commandOf(workflow, identityOf({ subject: 'ben' })).action)
})

it('the event has the type that the rule gives it, and id and time of its command', () => {
  const { id, at, body } = commandOf(workflow)
  expect(body).toMatchObject({ type: 'note', id, at, rule: 'r' })
})

it('whose turn it is follows from the tenant, as far as workflows may see it', () => {
  expect(commandOf(workflow, identityOf({ tenant: 'acme' })).tenant).toBe('acme')
  expect(commandOf(workflow, identityOf({ tenant: '' })).tenant).toBe('')
  const tenantAs = (tenant: 'pseudonym' | 'omit'): string => {
    const actors = new Actors({ ...DEFAULT_FIELDS, tenant }, key)
    return commandOf(workflow, identityOf({ tenant: 'acme' }), { actors, failOpen: false }).tenant
  }
  expect(tenantAs('pseudonym')).toMatch(/^k1\.[\w-]{22}$/)
  expect(tenantAs('omit')).toBe('')
})

describe('the key of an entity', () => {
  it('is cut where it is longer than Temporal takes, and two of them stay apart', () => {
    const keyFor = (subject: string): string => commandOf(workflow, identityOf({ subject })).key
    const long = 'é'.repeat(400)
    expect(keyFor(long)).toMatch(/^~[\w-]{43}$/)
    expect(Buffer.byteLength(keyFor(long))).toBeLessThan(500)
    expect(keyFor(long)).not.toBe(keyFor(`${long}x`))
    expect(keyFor('short')).toBe('short')
  })

  it.each(['a"b\n', 'a\u0000', '~none', ' a'])('%j is named by its hash: it would break ids or logs', (subject) => {
    expect(commandOf(workflow, identityOf({ subject })).workflowId).toMatch(/^r\/~[\w-]{43}$/)
  })

  it('as pseudonym names nobody in workflow ids, and is the same for the same key', () => {
    const hidden: CompiledWorkflow = { ...workflow, keyAs: 'pseudonym' }
    const idFor = (subject: string): string => commandOf(hidden, identityOf({ subject }), pseudonyms).workflowId
    expect(idFor('ann@example.com')).toBe(`r/${entityPseudonym(key, 'ann@example.com')}`)
    expect(idFor('ann@example.com')).toBe(idFor('ann@example.com'))
    expect(idFor('ben')).not.toBe(idFor('ann@example.com'))
    expect(idFor(' a\n')).toMatch(/^r\/k1\.[\w-]{22}$/)
  })

  it('is not shown when it must not be shown and cannot be hidden', () => {
    expect(commandOf({ ...workflow, keyAs: 'pseudonym' }).key).toBe(NO_KEY)
  })
})

it('an idempotency key stands in ids as a pseudonym where the key of the entity does', () => {
  const made = compiled('start: w, keyAs: pseudonym, idempotencyKey: identity.subject')
  expect(commandOf(made, identityOf(), pseudonyms).workflowId).toBe(`r/k:${entityPseudonym(key, 'alice')}`)
  // Without the secret, the id of the request: nobody's name.
  expect(commandOf(made).workflowId).toBe('r/6B000000-id')
})

describe('a workflow id that the rule computes', () => {
  it.each([
    ['start: w', 'r/6B000000-id', ''],
    ['start: w, id: \'"order/" + request.path\'', 'order//orders/7', ''],
    ['start: w, id: identity.claims.none', 'r/6B000000-id', ''],
    ['signal: w, key: identity.tenant', 'r/acme', 'acme'],
    ['signal: w, key: identity.tenant, id: \'"of/" + identity.tenant\'', 'of/acme', 'acme'],
    ['signalWithStart: w, id: \'"of/" + identity.tenant\'', 'of/acme', 'of/acme'],
    ['signal: w, id: identity.claims.none', 'r/~none', 'r/~none'],
    ['signalTo: identity.subject, signalName: s', 'alice', ''],
    ['cancel: identity.subject', 'alice', ''],
    ['terminate: identity.claims.none', '', ''],
  ])('of { %s } is %s', (text, workflowId, entity) => {
    expect(commandOf(compiled(text))).toMatchObject({ workflowId, key: entity, id: 'r/6B000000-id' })
  })

  it('and that no workflow can have is of none: the event becomes a dead letter', () => {
    const cancel = compiled('cancel: identity.subject')
    for (const subject of ['x'.repeat(1001), 'a\nb']) {
      expect(commandOf(cancel, identityOf({ subject })).workflowId).toBe('')
    }
    expect(commandOf(cancel, identityOf({ subject: 'x'.repeat(1000) })).workflowId).toHaveLength(1000)
  })

  it('and that no workflow can have is hashed for one that is started', () => {
    const start = compiled('start: w, id: identity.subject')
    expect(commandOf(start, identityOf({ subject: 'a\nb' })).workflowId).toMatch(/^r\/~[\w-]{43}$/)
  })
})

describe('a metered request', () => {
  it('is a record and no event', () => {
    const { body, id, at } = commandOf(compiled('meter: usageMeter, key: identity.tenant'))
    expect(body).toEqual({ id, at, method: 'GET', path: '/orders/7', subject: 'alice' })
  })

  it('names its caller as the configuration shows him', () => {
    const metered = compiled('meter: usageMeter, key: identity.tenant')
    const actors = new Actors({ ...DEFAULT_FIELDS, subject: 'omit' })
    expect(commandOf(metered, identityOf(), { actors, failOpen: false }).body).not.toHaveProperty('subject')
    expect(toCommand(metered, factsOf(requestOf('GET', '/')), undefined, {}).body).not.toHaveProperty('subject')
  })

  it('of one key in shards goes to the shard of its event id, and keeps the key', () => {
    const metered = compiled('meter: usageMeter, key: identity.tenant, idempotencyKey: identity.subject, shards: 4')
    const shardOf = (subject: string): string => commandOf(metered, identityOf({ subject })).workflowId
    const counts = new Map<string, number>()
    for (let i = 0; i < 4000; i++) counts.set(shardOf(`s${i}`), (counts.get(shardOf(`s${i}`)) ?? 0) + 1)
    expect([...counts.keys()].sort()).toEqual(['r/acme/0', 'r/acme/1', 'r/acme/2', 'r/acme/3'])
    for (const count of counts.values()) expect(Math.abs(count - 1000)).toBeLessThan(150)
    expect(commandOf(metered).key).toBe('acme')
  })
})

describe('the sample', () => {
  const sampled = (sample: number): CompiledWorkflow => ({ ...workflow, sample })
  const shareOf = (one: CompiledWorkflow, share?: number): number => {
    let taken = 0
    for (let i = 0; i < 20_000; i++) if (fateOf(one, `r/6B0484D8-${i}`, share) === 'made') taken++
    return taken / 20_000
  }

  it('is of the size that the rule asks for, or the smaller one that a budget leaves', () => {
    expect(shareOf(sampled(1))).toBe(1)
    expect(shareOf(sampled(0.1))).toBeCloseTo(0.1, 1)
    expect(shareOf(sampled(0.5), 0.2)).toBeCloseTo(0.2, 1)
    expect(shareOf(sampled(0.2), 0.5)).toBeCloseTo(0.2, 1)
    expect(shareOf(sampled(1), 0)).toBe(0)
  })

  it('takes an event each time or never, and a smaller one is a part of it', () => {
    const ids = Array.from({ length: 1000 }, (_, i) => `r/${i}`)
    const made = (sample: number): string[] => ids.filter((id) => fateOf(sampled(sample), id) === 'made')
    expect(made(0.3)).toEqual(made(0.3))
    expect(made(0.3)).toEqual(expect.arrayContaining(made(0.1)))
  })
})

describe('a budget that goes over to windows', () => {
  const windowed = compiled(
    'signal: w, key: identity.subject, sample: 0.5, budget: { actions: 5, then: { window: v, every: 10s } }',
  )
  const fates = (share: number): Record<string, number> => {
    const counts = { made: 0, windowed: 0, sampledOut: 0 }
    for (let i = 0; i < 20_000; i++) counts[fateOf(windowed, `r/6B0484D8-${i}`, share)] += 1 / 20_000
    return counts
  }

  it('takes what is beyond it, and nothing of what the sample leaves out anyway', () => {
    const { made, windowed: counted, sampledOut } = fates(0.1)
    expect(made).toBeCloseTo(0.1, 1)
    expect(counted).toBeCloseTo(0.4, 1)
    expect(sampledOut).toBeCloseTo(0.5, 1)
  })

  it('takes nothing while the budget holds', () => {
    expect(fates(1)['windowed']).toBe(0)
    expect(fates(0.5)['windowed']).toBe(0)
  })
})

it('the key of a window is that of an entity: hidden, hashed or none', () => {
  const window = compiled('window: traffic, key: identity.subject, every: 10s')
  const keyFor = (one: CompiledWorkflow, identity: Identity, actors?: Actors): string =>
    windowKey(one, factsOf(requestOf('GET', '/'), identity), actors)
  expect(keyFor(window, identityOf())).toBe('alice')
  expect(keyFor(window, identityOf({ subject: 'a\n' }))).toMatch(/^~[\w-]{43}$/)
  expect(keyFor({ ...window, keyAs: 'pseudonym' }, identityOf(), pseudonyms.actors)).toMatch(/^k1\./)
  expect(keyFor(compiled('window: traffic, key: identity.claims.none, every: 10s'), identityOf())).toBe(NO_KEY)
})

it('an event carries neither data nor query unless the rule asks for them', () => {
  const event = commandOf(workflow).body as EdgeEvent
  expect(event).not.toHaveProperty('data')
  expect(event.request.query).toBe('')
})
