import { webcrypto } from 'node:crypto'
import proto from '@temporalio/proto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseKeyRing } from '../../../agent/crypto/key-ring.ts'
import { isEncrypted, type Payload, PayloadCipher } from '../../../agent/crypto/payload-cipher.ts'
import { keptLog } from '../secrets/support.ts'
import { ringOf, SAMPLE_KEY } from './support/keys.ts'
import { problemOf } from './support/problem.ts'

const { Payload: PayloadType } = proto.temporal.api.common.v1

const cipher = new PayloadCipher({ current: ringOf('a', 'b') })
const json = (value: unknown): Payload => ({
  metadata: { encoding: Buffer.from('json/plain') },
  data: Buffer.from(JSON.stringify(value)),
})

const bytes = fc.uint8Array({ maxLength: 300 })
const payloads: fc.Arbitrary<Payload> = fc.record(
  { metadata: fc.dictionary(fc.string(), bytes, { noNullPrototype: true }), data: bytes },
  { requiredKeys: [] },
)

/** What a payload is to protobuf, which does not tell absent from empty. */
function plain(payload: Payload): object {
  return PayloadType.toObject(PayloadType.fromObject(payload), { bytes: String, longs: String, defaults: true })
}

describe('encrypted payloads', () => {
  it('are read back as they were, whatever they hold', () => {
    fc.assert(
      fc.property(payloads, (payload) => {
        const encoded = cipher.encode(payload)
        expect(isEncrypted(encoded)).toBe(true)
        expect(plain(cipher.decode(encoded))).toEqual(plain(payload))
      }),
    )
  })

  it('survive the way over the wire', () => {
    const sent = PayloadType.decode(PayloadType.encode(cipher.encode(json({ n: 1 }))).finish())
    expect(plain(cipher.decode(sent))).toEqual(plain(json({ n: 1 })))
  })

  it('may be encrypted twice, and are read in as many steps', () => {
    const twice = cipher.encode(cipher.encode(json('x')))
    expect(plain(cipher.decode(cipher.decode(twice)))).toEqual(plain(json('x')))
  })

  it('are in the form of the samples: a reader made of their description understands them', async () => {
    const ring = parseKeyRing(`{ current: test-key-id, keys: { test-key-id: ${SAMPLE_KEY.toString('base64')} } }`)
    const { metadata, data } = new PayloadCipher({ current: ring }).encode(json({ canary: true }))
    expect(Object.entries(metadata ?? {}).map(([name, value]) => [name, Buffer.from(value).toString()])).toEqual([
      ['encoding', 'binary/encrypted'],
      ['encryption-key-id', 'test-key-id'],
    ])
    const key = await webcrypto.subtle.importKey('raw', SAMPLE_KEY, 'AES-GCM', false, ['decrypt'])
    const sealed = new Uint8Array(data ?? [])
    const opened = await webcrypto.subtle.decrypt(
      { name: 'AES-GCM', iv: sealed.subarray(0, 12), tagLength: 128 },
      key,
      sealed.subarray(12),
    )
    expect(plain(PayloadType.decode(new Uint8Array(opened)))).toEqual(plain(json({ canary: true })))
  })

  it('of a writer made of that description are understood', async () => {
    const ring = parseKeyRing(`{ current: x, keys: { x: ${SAMPLE_KEY.toString('base64')} } }`)
    const key = await webcrypto.subtle.importKey('raw', SAMPLE_KEY, 'AES-GCM', false, ['encrypt'])
    const iv = webcrypto.getRandomValues(new Uint8Array(12))
    const text = new Uint8Array(PayloadType.encode(json([1])).finish())
    const sealed = new Uint8Array(await webcrypto.subtle.encrypt({ name: 'AES-GCM', iv }, key, text))
    const metadata = { encoding: Buffer.from('binary/encrypted'), 'encryption-key-id': Buffer.from('x') }
    const read = new PayloadCipher({ current: ring }).decode({ metadata, data: Buffer.concat([iv, sealed]) })
    expect(plain(read)).toEqual(plain(json([1])))
  })

  it('show nothing of what they hold, and never the same twice', () => {
    const one = cipher.encode(json('canary-9b1c'))
    const other = cipher.encode(json('canary-9b1c'))
    expect(Buffer.from(one.data ?? []).includes('canary')).toBe(false)
    expect(one.data).not.toEqual(other.data)
  })

  it('never share a nonce', () => {
    const nonces = new Set<string>()
    for (let i = 0; i < 5000; i++) {
      nonces.add(Buffer.from(cipher.encode({}).data?.subarray(0, 12) ?? []).toString('hex'))
    }
    expect(nonces.size).toBe(5000)
  })
})

describe('what is not encrypted', () => {
  it('is given back as it is', () => {
    for (const payload of [{}, { metadata: {} }, json(1), { metadata: null, data: null }, { data: Buffer.from('x') }]) {
      expect(cipher.decode(payload)).toBe(payload)
    }
  })
})

describe('a payload that was changed', () => {
  it('is refused, whichever byte it is', () => {
    const { metadata = {}, data } = cipher.encode(json({ amount: 10 }))
    const sealed = Buffer.from(data ?? [])
    fc.assert(
      fc.property(fc.nat(sealed.length - 1), fc.integer({ min: 1, max: 255 }), (at, mask) => {
        const changed = Buffer.from(sealed)
        changed[at] = (changed[at] ?? 0) ^ mask
        expect(problemOf(() => cipher.decode({ metadata, data: changed }))).toBe('tampered')
      }),
      { numRuns: 1000 },
    )
  })

  it('is refused when a part is gone or another was added', () => {
    const { metadata = {}, data } = cipher.encode(json({ amount: 10 }))
    const sealed = Buffer.from(data ?? [])
    for (let length = 0; length < sealed.length; length++) {
      const problem = problemOf(() => cipher.decode({ metadata, data: sealed.subarray(0, length) }))
      expect(problem).toBe(length < 28 ? 'malformed' : 'tampered')
    }
    const longer = Buffer.concat([sealed, Buffer.of(0)])
    expect(problemOf(() => cipher.decode({ metadata, data: longer }))).toBe('tampered')
  })

  it('is refused when it names another key, no key, or anything else', () => {
    const { metadata = {}, data = null } = cipher.encode(json(1))
    const named = (id: Uint8Array) =>
      problemOf(() => cipher.decode({ metadata: { ...metadata, 'encryption-key-id': id }, data }))
    expect(named(Buffer.from('b'))).toBe('tampered')
    expect(named(Buffer.from('c'))).toBe('unknown_key')
    expect(named(Buffer.from('__proto__'))).toBe('unknown_key')
    expect(named(Buffer.of(0xff, 0xfe))).toBe('unknown_key')
    const { encoding = Buffer.of() } = metadata ?? {}
    expect(problemOf(() => cipher.decode({ metadata: { encoding }, data }))).toBe('malformed')
    expect(problemOf(() => cipher.decode({ metadata }))).toBe('malformed')
  })

  it('cannot bring its own text into an error', () => {
    const metadata = { encoding: Buffer.from('binary/encrypted'), 'encryption-key-id': Buffer.from('bad\nline') }
    const decode = () => cipher.decode({ metadata, data: Buffer.alloc(40) })
    expect(decode).toThrow('encrypted with a key that the key file does not have')
    expect(decode).not.toThrow('bad')
  })
})

describe('keys', () => {
  it('that are old still read, and what the new one wrote needs it', () => {
    const old = new PayloadCipher({ current: ringOf('a') })
    const rotated = new PayloadCipher({ current: ringOf('b', 'a') })
    const [before, after] = [old.encode(json(1)), rotated.encode(json(2))]
    expect(plain(rotated.decode(before))).toEqual(plain(json(1)))
    expect(plain(rotated.decode(after))).toEqual(plain(json(2)))
    expect(problemOf(() => old.decode(after))).toBe('unknown_key')
    const late = new PayloadCipher({ current: ringOf('b') })
    expect(problemOf(() => late.decode(before))).toBe('unknown_key')
  })

  it('that are not there yet refuse both ways, and let plain payloads through', () => {
    const none = new PayloadCipher({ current: undefined })
    expect(problemOf(() => none.encode(json(1)))).toBe('keys_unavailable')
    expect(problemOf(() => none.decode(cipher.encode(json(1))))).toBe('keys_unavailable')
    expect(none.decode(json(1))).toEqual(json(1))
  })

  it('that have encrypted much are told of, counted for each of them', () => {
    const log = keptLog()
    const keys = { current: ringOf('a') }
    const counting = new PayloadCipher(keys, { log, warnAt: 3 })
    for (let i = 0; i < 2; i++) counting.encode(json(i))
    // The same keys, read again.
    keys.current = ringOf('a', 'c')
    expect(log.lines).toEqual([])
    counting.encode(json(3))
    expect(log.lines).toEqual(['warn this key has encrypted much: make another current {"keyId":"a","payloads":3}'])
    keys.current = ringOf('b', 'a')
    for (let i = 0; i < 2; i++) counting.encode(json(i))
    expect(log.lines).toHaveLength(1)
    counting.encode(json(2))
    expect(log.lines.at(-1)).toContain('{"keyId":"b","payloads":3}')
  })
})
