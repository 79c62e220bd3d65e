import { describe, expect, test } from 'vitest'
import { VariableNames } from '../../../node-spoe/src/protocol/variable.ts'

const names = new VariableNames()

describe('variable names', () => {
  test('scope.prefix.name may have 63 bytes, not 64', () => {
    const prefixed = new VariableNames('p')
    expect(prefixed.encode('txn', 'n'.repeat(57))).toHaveLength(58)
    expect(() => prefixed.encode('txn', 'n'.repeat(58))).toThrow(
      expect.objectContaining({ code: 'ERR_SPOP_VARIABLE_LENGTH' }),
    )
    expect(() => prefixed.encode('sess', 'n'.repeat(57))).toThrow(
      expect.objectContaining({ code: 'ERR_SPOP_VARIABLE_LENGTH' }),
    )
    expect(new VariableNames().encode('txn', 'n'.repeat(59))).toHaveLength(60)
    expect(() => new VariableNames().encode('txn', 'n'.repeat(300))).toThrow(
      expect.objectContaining({ code: 'ERR_SPOP_VARIABLE_LENGTH' }),
    )
  })

  test('an empty name and characters HAProxy does not take are refused', () => {
    for (const name of ['', 'a-b', 'a b', 'é', 'a\n', 'a\0']) {
      expect(() => names.encode('txn', name), name).toThrow(expect.objectContaining({ code: 'ERR_SPOP_VARIABLE_NAME' }))
    }
    expect(names.encode('txn', 'A_z.0')).toEqual(Buffer.from('\x05A_z.0'))
  })

  test('names made from data do not fill the memory', () => {
    const fresh = new VariableNames()
    for (let i = 0; i < 5000; i++) expect(fresh.encode('txn', `n${i}`).toString('latin1', 1)).toBe(`n${i}`)
    const first = fresh.encode('txn', 'n0')
    expect(fresh.encode('txn', 'n0')).toBe(first)
    expect(fresh.encode('txn', 'n4999')).not.toBe(fresh.encode('txn', 'n4999'))
  })
})
