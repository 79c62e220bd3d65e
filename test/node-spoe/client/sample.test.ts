import { describe, expect, test } from 'vitest'
import { toMessages, toTypedValue } from 'node-spoe/client'

describe('a sample value', () => {
  test('of JavaScript becomes the type that HAProxy would send', () => {
    const bytes = Buffer.of(0, 255)
    expect(
      toMessages({
        check: {
          s: 'a',
          b: true,
          n: -1,
          big: 2n ** 62n,
          raw: bytes,
          none: null,
          v4: { ip: '192.0.2.1' },
          v6: { ip: '::1' },
        },
      }),
    ).toEqual([
      {
        name: 'check',
        args: [
          { name: 's', type: 'STRING', value: 'a' },
          { name: 'b', type: 'BOOL', value: true },
          { name: 'n', type: 'INT64', value: -1 },
          { name: 'big', type: 'INT64', value: 2n ** 62n },
          { name: 'raw', type: 'BINARY', value: bytes },
          { name: 'none', type: 'NULL', value: null },
          { name: 'v4', type: 'IPV4', value: '192.0.2.1' },
          { name: 'v6', type: 'IPV6', value: '::1' },
        ],
      },
    ])
  })

  test('that is text beyond ASCII is sent as UTF-8', () => {
    expect(toTypedValue('é')).toEqual({ type: 'STRING', value: 'Ã©' })
  })

  test('can be given typed', () => {
    expect(toTypedValue({ type: 'UINT32', value: 7 })).toEqual({ type: 'UINT32', value: 7 })
  })

  test.each([
    ['undefined', undefined],
    ['a function', () => {}],
    ['no address', { ip: 'localhost' }],
    ['an empty object', {}],
  ])('that is %s is refused', (_, value) => {
    expect(() => toTypedValue(value as never, 'x')).toThrow(expect.objectContaining({ code: 'ERR_SPOP_ENCODE' }))
  })
})

test('messages and arguments come as lists where names repeat or are empty', () => {
  expect(
    toMessages([{ name: 'm', args: [['', 'a'], ['', 'b'], { name: 'c', type: 'NULL', value: null }] }, { name: 'm' }]),
  ).toEqual([
    {
      name: 'm',
      args: [
        { name: '', type: 'STRING', value: 'a' },
        { name: '', type: 'STRING', value: 'b' },
        { name: 'c', type: 'NULL', value: null },
      ],
    },
    { name: 'm', args: [] },
  ])
})
