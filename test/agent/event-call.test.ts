import { describe, expect, it } from 'vitest'
import type { CallOptions } from '../../agent/dispatch/command.ts'
import { partOfKey } from '../../agent/dispatch/shape/keys.ts'
import { toCommand } from '../../agent/event.ts'
import type { CompiledWorkflow } from '../../agent/rules/rule.ts'
import { factsOf, identityOf, requestOf, rulesOf } from './rules/support.ts'

const CLAIMS = { plan: 'gold', seats: 5n, ratio: 0.25, trial: true, nothing: '', odd: 'a\nb', huge: 2n ** 60n }

function compiled(workflow: string): CompiledWorkflow {
  const [found] = rulesOf(`rules:\n  - { name: r, identity: { require: corp }, workflow: { ${workflow} } }\n`).rules
  return found?.workflow as CompiledWorkflow
}

function callOf(workflow: string | CompiledWorkflow): CallOptions | undefined {
  const identity = identityOf({ claims: CLAIMS })
  const facts = factsOf(requestOf('GET', '/x'), identity)
  return toCommand(typeof workflow === 'string' ? compiled(workflow) : workflow, facts, identity, {}).call
}

it('a rule that says nothing of the call has no options, so that none are stored', () => {
  expect(callOf('start: w')).toBeUndefined()
  expect(callOf('signal: w, key: identity.tenant, debounce: { wait: 5s }')).toBeUndefined()
})

it('the delay of a start goes with every call', () => {
  expect(callOf('start: w, startDelay: 10s')).toEqual({ startDelayMs: 10_000 })
})

it('a memo has what its expressions give, and leaves out what they do not', () => {
  const memo = 'memo: { plan: identity.claims.plan, seats: identity.claims.seats, none: identity.claims.none }'
  expect(callOf(`start: w, ${memo}`)).toEqual({ memo: { plan: 'gold', seats: 5 } })
})

describe('a search attribute', () => {
  it.each([
    ['plan', 'Keyword', { type: 'Keyword', value: 'gold' }],
    ['plan', 'Text', { type: 'Text', value: 'gold' }],
    ['seats', 'Int', { type: 'Int', value: 5 }],
    ['seats', 'Double', { type: 'Double', value: 5 }],
    ['ratio', 'Double', { type: 'Double', value: 0.25 }],
  ])('of the claim %s as %s is %j', (claim, type, given) => {
    const text = `start: w, searchAttributes: { A: { type: ${type}, value: identity.claims.${claim} } }`
    expect(callOf(text)?.searchAttributes).toEqual({ A: given })
  })

  it('is a keyword where only an expression is given', () => {
    expect(callOf('start: w, searchAttributes: { A: request.path }')?.searchAttributes).toEqual({
      A: { type: 'Keyword', value: '/x' },
    })
  })

  it('of a truth value is one', () => {
    const text = `start: w, searchAttributes: { A: { type: Bool, value: 'identity.claims.trial == true' } }`
    expect(callOf(text)?.searchAttributes).toEqual({ A: { type: 'Bool', value: true } })
  })

  it.each([
    ['plan', 'Int'],
    ['plan', 'Double'],
    ['seats', 'Keyword'],
    ['trial', 'Double'],
    ['nothing', 'Keyword'],
    ['odd', 'Keyword'],
    ['huge', 'Int'],
    ['none', 'Keyword'],
  ])('is left out where the claim %s is no %s: Temporal would refuse the whole call', (claim, type) => {
    const text = `start: w, searchAttributes: { A: { type: ${type}, value: identity.claims.${claim} } }`
    expect(callOf(text)).toEqual({ searchAttributes: {} })
  })
})

describe('the reason of a cancellation', () => {
  it('is what the expression gives', () => {
    expect(callOf(`cancel: request.path, reason: '"by " + identity.subject'`)).toEqual({ reason: 'by alice' })
  })

  it('is left out where it gives nothing', () => {
    expect(callOf('cancel: request.path, reason: identity.claims.none')).toEqual({})
  })
})

describe('the key of what holds events back', () => {
  it.each([
    ['throttle: { rate: 10/1s }', ''],
    ['throttle: { rate: 10/1s, key: identity.tenant }', 'acme'],
    ['rateLimit: { rate: 10/1s, key: identity.tenant }', 'acme'],
    ['debounce: { wait: 5s, key: identity.tenant }', 'acme'],
    ['throttle: { rate: 10/1s, key: identity.claims.none }', '~none'],
  ])('of { %s } is "%s"', (text, shapeKey) => {
    expect(callOf(`signal: w, key: identity.subject, ${text}`)).toEqual({ shapeKey })
  })

  it('is one for each part where there are several', () => {
    const workflow = compiled(
      'signal: w, key: identity.subject, debounce: { wait: 5s }, throttle: { rate: 1/1s }, rateLimit: { rate: 1/1s, key: identity.tenant }',
    )
    const { shapeKey = '' } = callOf(workflow) ?? {}
    expect(partOfKey(workflow.action, shapeKey, 'debounce')).toBe('r/alice')
    expect(partOfKey(workflow.action, shapeKey, 'throttle')).toBe('')
    expect(partOfKey(workflow.action, shapeKey, 'rateLimit')).toBe('acme')
  })
})
