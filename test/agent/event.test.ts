import { expect, it } from 'vitest'
import { Actors, entityPseudonym } from '../../agent/actor/actors.ts'
import { DEFAULT_FIELDS } from '../../agent/actor/fields.ts'
import { NO_KEY, toCommand } from '../../agent/event.ts'
import { PseudonymKey } from '../../agent/identity/pseudonym.ts'
import { factsOf } from '../../agent/rules/decide.ts'
import type { CompiledWorkflow } from '../../agent/rules/rule.ts'
import { Secret } from '../../agent/secrets/secret.ts'
import { identityOf, requestOf, rulesOf } from './rules/support.ts'

const workflow = rulesOf(
  'rules:\n  - { name: r, identity: { require: corp }, workflow: { signal: auditTrail, key: identity.subject, type: note } }\n',
).rules[0]?.workflow as CompiledWorkflow

it('the same request always makes the same command, but for the time', () => {
  const identity = identityOf()
  const make = (): object => ({
    ...toCommand(workflow, factsOf(requestOf('GET', '/'), identity), identity, {}),
    event: undefined,
  })
  expect(make()).toEqual(make())
})

it('the event has the type that the rule gives it', () => {
  const identity = identityOf()
  expect(toCommand(workflow, factsOf(requestOf('GET', '/'), identity), identity, {}).event.type).toBe('note')
})

it('a key longer than Temporal takes is cut, and two of them stay apart', () => {
  const keyFor = (subject: string): string => {
    const identity = identityOf({ subject })
    return toCommand(workflow, factsOf(requestOf('GET', '/'), identity), identity, {}).key
  }
  const long = 'é'.repeat(400)
  expect(keyFor(long)).toMatch(/^~[\w-]{43}$/)
  expect(Buffer.byteLength(keyFor(long))).toBeLessThan(500)
  expect(keyFor(long)).not.toBe(keyFor(`${long}x`))
  expect(keyFor('short')).toBe('short')
})

it.each(['a"b\n', 'a\u0000', '~none', ' a'])(
  'the key %j is named by its hash: it would break ids, logs or the rest',
  (subject) => {
    const identity = identityOf({ subject })
    expect(toCommand(workflow, factsOf(requestOf('GET', '/'), identity), identity, {}).workflowId).toMatch(
      /^r\/~[\w-]{43}$/,
    )
  },
)

it('a key as pseudonym names nobody in workflow ids, and is the same for the same key', () => {
  const hidden: CompiledWorkflow = { ...workflow, keyAs: 'pseudonym' }
  const key = new PseudonymKey('k1', { current: new Secret('a secret of enough characters') })
  const context = { actors: new Actors(DEFAULT_FIELDS, key), failOpen: false }
  const idFor = (subject: string): string => {
    const identity = identityOf({ subject })
    return toCommand(hidden, factsOf(requestOf('GET', '/'), identity), identity, {}, context).workflowId
  }
  expect(idFor('ann@example.com')).toBe(`r/${entityPseudonym(key, 'ann@example.com')}`)
  expect(idFor('ann@example.com')).toBe(idFor('ann@example.com'))
  expect(idFor('ben')).not.toBe(idFor('ann@example.com'))
  expect(idFor(' a\n')).toMatch(/^r\/k1\.[\w-]{22}$/)
})

it('a key that must not be shown is not shown when it cannot be hidden', () => {
  const identity = identityOf()
  const hidden: CompiledWorkflow = { ...workflow, keyAs: 'pseudonym' }
  expect(toCommand(hidden, factsOf(requestOf('GET', '/'), identity), identity, {}).key).toBe(NO_KEY)
})
