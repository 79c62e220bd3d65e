import { describe, expect, it } from 'vitest'
import { type Edit, findings, replace } from './shipped.ts'

const WINDOW = replace(
  'workflow: { meter: usageMeter, key: identity.tenant, taskQueue: edge }',
  'workflow: { window: trafficWindow, key: identity.tenant, every: 10s, taskQueue: edge }',
)

describe('the linter, about windows', () => {
  it('has nothing against them beside the shipped files', () => {
    expect(findings({ agent: WINDOW })).toEqual([])
  })

  it('names what "outcome" must send for them, and wants none of it where there are none', () => {
    const spoe = replace(/^ *args wkey=.*\n/, '')
    expect(findings({ spoe })).toEqual([])
    expect(findings({ agent: WINDOW, spoe }).map(({ code, hint }) => [code, hint])).toEqual([
      ['SPOE_ARGUMENT_MISSING', 'Add "args wkey=var(txn.temporal.wkey)".'],
      ['SPOE_ARGUMENT_MISSING', 'Add "args at=var(txn.temporal.at)".'],
      ['SPOE_ARGUMENT_MISSING', 'Add "args bytes=res.body_size".'],
    ])
  })

  it('wants the same for a budget that goes over to windows, of a rule that lets somebody in', () => {
    const spoe = replace(/^ *args wkey=.*\n/, '')
    const budget = (more: string): Edit =>
      replace(
        'workflow: { meter: usageMeter, key: identity.tenant, taskQueue: edge }',
        `${more}workflow: { meter: usageMeter, key: identity.tenant, budget: { actions: 1, then: { window: trafficWindow, every: 10s } } }`,
      )
    expect(findings({ agent: budget('') })).toEqual([])
    expect(findings({ agent: budget(''), spoe }).map(({ code }) => code)).toEqual([
      'SPOE_ARGUMENT_MISSING',
      'SPOE_ARGUMENT_MISSING',
      'SPOE_ARGUMENT_MISSING',
    ])
    // Nobody answers those that it refuses.
    expect(findings({ agent: budget('deny: 403\n    '), spoe })).toEqual([])
  })

  it('wants the message itself, without which no request ends', () => {
    const spoe = replace('messages check outcome', 'messages check')
    expect(findings({ agent: WINDOW, spoe })).toContainEqual(
      expect.objectContaining({ code: 'SPOE_MESSAGE_MISSING', severity: 'error' }),
    )
  })
})
