import { describe, expect, it } from 'vitest'
import { evaluateVariable, type VariableValue } from '../../../agent/rules/variables.ts'
import { factsOf, identityOf, requestOf, rulesOf } from './support.ts'

/** What the `set` of a rule makes of the claim `value`. */
function valueOf(value: unknown, source = 'identity.claims.value'): VariableValue | undefined {
  const { rules } = rulesOf(`rules:\n  - { name: a, identity: { require: corp }, set: { v: '${source}' } }\n`)
  const [[, expression] = []] = rules[0]?.set ?? []
  if (expression === undefined) throw new Error('the rule sets nothing')
  const claims = JSON.parse(JSON.stringify({ value })) as ReturnType<typeof identityOf>['claims']
  return evaluateVariable(expression, factsOf(requestOf('GET', '/'), identityOf({ claims })))
}

describe('the variable of a claim', () => {
  it.each<[string, unknown]>([
    ['a header of its own', 'a\r\nX: 1'],
    ['a line feed', 'a\nb'],
    ['NUL', 'a\0'],
    ['DEL', 'a\x7f'],
    ['a control character beyond ASCII', 'a\x85b'],
    ['a space before it', ' admin'],
    ['a tab behind it', 'admin\t'],
    ['a no-break space behind it', 'admin\u00a0'],
    ['nothing', ''],
    ['1025 bytes', 'a'.repeat(1025)],
    ['1025 bytes in fewer characters', `a${'é'.repeat(512)}`],
    ['a lone surrogate', 'a\ud800'],
    ['a list with a line feed in it', ['a', 'b\nc']],
    ['a list whose member looks like two', ['a,b']],
    ['a list of numbers', [1, 2]],
    ['a list that is too long', Array.from({ length: 300 }, () => 'role')],
    ['an object', { a: 1 }],
    ['null', null],
    ['no claim', undefined],
  ])('is not set for %s', (_what, claim) => {
    expect(valueOf(claim)).toBeUndefined()
  })

  it.each<[unknown, VariableValue]>([
    ['gold', 'gold'],
    ['a b', 'a b'],
    ['grün', 'grün'],
    ['a'.repeat(1024), 'a'.repeat(1024)],
    ['é'.repeat(512), 'é'.repeat(512)],
    [['a', 'b'], 'a,b'],
    [7, 7],
    [-7, -7],
    [1.5, '1.5'],
    [2 ** 60, String(2 ** 60)],
    [true, true],
  ])('of %j is %j', (claim, value) => {
    expect(valueOf(claim)).toBe(value)
  })

  it('is as strict with what an expression puts together', () => {
    expect(valueOf('a', 'identity.claims.value + "\\r\\nX-Admin: 1"')).toBeUndefined()
    expect(valueOf('a', 'identity.claims.value + "-b"')).toBe('a-b')
    expect(valueOf(7, 'identity.claims.value > 6.0')).toBe(true)
  })
})
