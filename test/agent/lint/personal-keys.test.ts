import { describe, expect, it } from 'vitest'
import { type Edit, findings, replace } from './shipped.ts'

const rule = (workflow: string): Edit =>
  replace('workflow: { meter: usageMeter, key: identity.tenant, taskQueue: edge }', `workflow: { ${workflow} }`)
const found = (workflow: string): unknown[] =>
  findings({ agent: rule(workflow) }).map(({ code, severity, source = '', column, length = 0 }) => [
    code,
    severity,
    source.slice(column - 1, column - 1 + length),
  ])
const warned = (value: string): unknown[] => ['CONFIG_KEY_PERSONAL', 'warning', value]

describe('check warns of keys that are personal where nobody has said how workflow ids hold them:', () => {
  it.each([
    ['signal: w, key: identity.subject', 'identity.subject'],
    ['signal: w, key: \'identity.tenant + "/" + identity.subject\'', '\'identity.tenant + "/" + identity.subject\''],
    ['meter: w, key: identity.claims.email', 'identity.claims.email'],
    ['meter: w, key: \'string(identity.claims["upn"])\'', '\'string(identity.claims["upn"])\''],
    ['start: w, idempotencyKey: identity.subject', 'identity.subject'],
    [
      'meter: w, key: identity.tenant, budget: { actions: 1, then: { window: v, every: 10s, key: identity.claims.name } }',
      'identity.claims.name',
    ],
  ])('%s', (workflow, value) => {
    expect(found(workflow)).toEqual([warned(value)])
  })

  it.each([
    'signal: w, key: identity.subject, keyAs: plain',
    'signal: w, key: identity.tenant',
    'signal: w, key: identity.claims.email_domain',
    'start: w, idempotencyKey: sha256(identity.subject)',
    'start: w, data: { who: identity.subject }',
  ])('not of %s', (workflow) => {
    expect(found(workflow)).toEqual([])
  })

  it('names the rule and the fact, and the way out', () => {
    expect(findings({ agent: rule('signal: w, key: identity.subject') })).toMatchObject([
      {
        message: 'workflow ids of rule "api" hold identity.subject, which may be personal data',
        hint: expect.stringContaining('keyAs: pseudonym'),
      },
    ])
  })
})
