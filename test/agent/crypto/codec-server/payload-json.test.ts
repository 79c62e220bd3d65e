import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MAX_PAYLOADS, parsePayloads, payloadsJson } from '../../../../agent/crypto/codec-server/payload-json.ts'

const parse = (value: unknown) => parsePayloads(Buffer.from(JSON.stringify(value)))

describe('payloads in JSON', () => {
  it('have bytes in Base64, in metadata and data', () => {
    const [payload] = parse({
      payloads: [{ metadata: { encoding: 'anNvbi9wbGFpbg==' }, data: 'eyJhIjoxfQ==' }],
    }) as never[]
    expect(payload).toMatchObject({ metadata: { encoding: Buffer.from('json/plain') }, data: Buffer.from('{"a":1}') })
  })

  it('are written as they were read', () => {
    const given = {
      payloads: [
        { metadata: { encoding: 'anNvbi9wbGFpbg==', other: '' }, data: 'AP/+' },
        { metadata: {}, data: '', externalPayloads: [{ sizeBytes: '9007199254740993' }] },
        {},
      ],
    }
    const read = parse(given)
    expect(payloadsJson(read as never)).toEqual({
      payloads: [given.payloads[0], { externalPayloads: [{ sizeBytes: '9007199254740993' }] }, {}],
    })
  })

  it('may have null for what is absent, Base64url, and members of a later version', () => {
    const read = parse({
      payloads: [{ metadata: null, data: null, externalPayloads: null, later: 1 }, { data: '_-8' }],
    })
    expect(read).toMatchObject([{ metadata: {}, data: Buffer.of() }, { data: Buffer.of(0xff, 0xef) }])
    expect(parse({ payloads: [] })).toEqual([])
  })

  it.each([
    [{}],
    [[]],
    [null],
    [7],
    [{ payloads: {} }],
    [{ payloads: [null] }],
    [{ payloads: ['x'] }],
    [{ payloads: [[]] }],
    [{ payloads: [{ data: 7 }] }],
    [{ payloads: [{ data: 'a b' }] }],
    [{ payloads: [{ data: { type: 'Buffer', data: [1] } }] }],
    [{ payloads: [{ metadata: 'x' }] }],
    [{ payloads: [{ metadata: [] }] }],
    [{ payloads: [{ metadata: { encoding: 7 } }] }],
    [{ payloads: [{ metadata: { encoding: 'binary encrypted' } }] }],
    [{ payloads: [{ externalPayloads: {} }] }],
    [{ payloads: [{ externalPayloads: [7] }] }],
    [{ payloads: [{ externalPayloads: [{ sizeBytes: 'x' }] }] }],
    [{ payloads: [{ externalPayloads: [{ sizeBytes: -1 }] }] }],
  ])('are not %j', (value) => {
    expect(parse(value)).toBe('invalid')
  })

  it.each([
    '',
    'x',
    '{"payloads":[]',
    '{"payloads":[],"payloads":[]}',
    '\ufeff{"payloads":[]}',
    `${'['.repeat(100_000)}`,
  ])('are not in the text %.40j', (text) => {
    expect(parsePayloads(Buffer.from(text))).toBe('invalid')
  })

  it('are not in what is not UTF-8', () => {
    expect(parsePayloads(Buffer.of(0x7b, 0xff, 0x7d))).toBe('invalid')
  })

  it('are not too many, which is seen before they are objects', () => {
    const list = (count: number) => parsePayloads(Buffer.from(`{"payloads":[${Array(count).fill('{}').join()}]}`))
    expect(list(MAX_PAYLOADS)).toHaveLength(MAX_PAYLOADS)
    expect(list(MAX_PAYLOADS + 1)).toBe('large')
    expect(list(1_000_000)).toBe('large')
  })

  it('of any shape are payloads or refused', () => {
    const names = fc.constantFrom('payloads', 'metadata', 'data', 'externalPayloads', 'sizeBytes', '__proto__', 'x')
    const { value } = fc.letrec((tie) => ({
      value: fc.oneof(
        { maxDepth: 5 },
        fc.string(),
        fc.double(),
        fc.constant(null),
        fc.array(tie('value')),
        fc.dictionary(names, tie('value')),
      ),
    }))
    fc.assert(
      fc.property(fc.array(value), (payloads) => {
        const read = parse({ payloads })
        if (typeof read !== 'string') expect(() => payloadsJson(read)).not.toThrow()
      }),
      { numRuns: 1000 },
    )
  })
})
