import { constants, generateKeyPairSync, hash, type KeyObject, privateEncrypt, sign, verify } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { vetted } from '../../../agent/identity/jwk.ts'
import { verifyPkcs1 } from '../../../agent/identity/pkcs1.ts'

const BITS = 2048
const K = BITS / 8
const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: BITS })
/** As keys of providers are imported. */
const bareOf = (key: KeyObject): KeyObject => {
  const { bare } = vetted(key.export({ format: 'jwk' }))
  if (bare === undefined) throw new Error('not a key of RS*')
  return bare
}
const bare = bareOf(publicKey)

type Hash = 'sha256' | 'sha384' | 'sha512'
const HASHES: readonly Hash[] = ['sha256', 'sha384', 'sha512']

const DIGEST_INFO = {
  sha256: '3031300d060960864801650304020105000420',
  sha384: '3041300d060960864801650304020205000430',
  sha512: '3051300d060960864801650304020305000440',
}

function ours(algorithm: Hash, text: string, signature: Buffer, key = bare, bits = BITS): boolean {
  try {
    return verifyPkcs1(algorithm, text, signature, key, bits)
  } catch {
    return false
  }
}

/** What only the holder of the key can make: a signature that opens to exactly these `K` bytes. */
function openingTo(encoded: Buffer): Buffer {
  return privateEncrypt({ key: privateKey, padding: constants.RSA_NO_PADDING }, encoded)
}

/** `00 01 FF … 00 message`, as long as it has to be; or with another beginning, filler and end of it. */
function encoded(message: Buffer, begin = [0, 1], filler = 0xff, end = [0]): Buffer {
  const fill = Buffer.alloc(K - begin.length - end.length - message.length, filler)
  return Buffer.concat([Buffer.from(begin), fill, Buffer.from(end), message])
}

function digestInfo(algorithm: Hash, text: string, prefix = DIGEST_INFO[algorithm]): Buffer {
  return Buffer.concat([Buffer.from(prefix, 'hex'), hash(algorithm, text, 'buffer')])
}

describe('a signature by RSASSA-PKCS1-v1_5', () => {
  it('is taken where node:crypto takes it, and not for another text or hash', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme-ascii' }),
        fc.string({ unit: 'grapheme-ascii' }),
        fc.constantFrom(...HASHES),
        fc.constantFrom(...HASHES),
        (text, other, algorithm, otherAlgorithm) => {
          const signature = sign(algorithm, Buffer.from(text), privateKey)
          expect(ours(algorithm, text, signature)).toBe(true)
          expect(ours(otherAlgorithm, other, signature)).toBe(algorithm === otherAlgorithm && text === other)
        },
      ),
      { numRuns: 200 },
    )
  })

  it('is none any more with any of its bits turned', () => {
    const signature = sign('sha256', Buffer.from('text'), privateKey)
    for (let bit = 0; bit < 8 * K; bit += 7) {
      const turned = Buffer.from(signature)
      turned[bit >> 3] = (turned[bit >> 3] as number) ^ (1 << (bit & 7))
      expect(ours('sha256', 'text', turned)).toBe(false)
    }
  })

  it('is as long as the modulus, zeros in front included', () => {
    // Until one begins with a zero, which as a number is not needed: one in 256 does.
    let text = ''
    let signature = Buffer.alloc(0)
    for (let i = 0; signature[0] !== 0; i++) {
      text = `text ${i}`
      signature = sign('sha256', Buffer.from(text), privateKey)
    }
    expect(ours('sha256', text, signature)).toBe(true)
    expect(ours('sha256', text, signature.subarray(1))).toBe(false)
    expect(ours('sha256', text, Buffer.concat([Buffer.alloc(1), signature]))).toBe(false)
    expect(ours('sha256', text, Buffer.alloc(0))).toBe(false)
  })

  const info = digestInfo('sha256', 'text')
  it('opens to the one encoding that there is', () => {
    expect(ours('sha256', 'text', openingTo(encoded(info)))).toBe(true)
  })

  it.each<[what: string, bytes: Buffer]>([
    [
      'no NULL in its DigestInfo',
      encoded(digestInfo('sha256', 'text', '302f300b0609608648016503040201'.concat('0420'))),
    ],
    ['something behind the digest', encoded(Buffer.concat([info, Buffer.from('more')]))],
    [
      'less padding, and the rest behind the digest',
      encoded(Buffer.concat([info, Buffer.alloc(K - info.length - 11)])),
    ],
    ['something in front of the DigestInfo', encoded(Buffer.concat([Buffer.from('more'), info]))],
    ['the digest alone', encoded(hash('sha256', 'text', 'buffer'))],
    ['the name of another hash', encoded(digestInfo('sha256', 'text', '3031300d060960864801650304020305000420'))],
    ['lengths in a longer form', encoded(digestInfo('sha256', 'text', '308131300d060960864801650304020105000420'))],
    ['padding of encryption', encoded(info, [0, 2], 0xaa)],
    ['padding of another byte', encoded(info, [0, 1], 0xfe)],
    ['padding of block type 0', encoded(info, [0, 0], 0)],
    ['one byte of the padding wrong', encoded(info, [0, 1, 0xff, 0xff, 0xfe])],
    ['no end of the padding', encoded(info, [0, 1], 0xff, [0xff])],
    ['nothing', Buffer.alloc(K)],
  ])('is refused when it opens to %s, as node:crypto refuses it', (_, bytes) => {
    const signature = openingTo(bytes)
    expect(verify('sha256', Buffer.from('text'), publicKey, signature)).toBe(false)
    // An error would cost half as much again as the check: whoever sends forged tokens decides how often.
    expect(verifyPkcs1('sha256', 'text', signature, bare, BITS)).toBe(false)
  })

  it.each([
    [2049, 3],
    [2050, 65_537],
    [2055, 17],
    [3072, 3],
  ])('of a key of %i bits and exponent %i is judged as node:crypto judges it', (modulusLength, publicExponent) => {
    const pair = generateKeyPairSync('rsa', { modulusLength, publicExponent })
    const size = Math.ceil(modulusLength / 8)
    const good = sign('sha256', Buffer.from('text'), pair.privateKey)
    const modulus = BigInt(
      `0x${Buffer.from(String(pair.publicKey.export({ format: 'jwk' }).n), 'base64url').toString('hex')}`,
    )
    const number = BigInt(`0x${good.toString('hex')}`)
    // The same residue, and its negative.
    const others = [number + modulus, modulus - number].map((value) => Buffer.from(padded(value, size), 'hex'))
    for (const signature of [good, ...others]) {
      const expected = verify('sha256', Buffer.from('text'), pair.publicKey, signature)
      expect(expected).toBe(signature === good)
      expect(ours('sha256', 'text', signature, bareOf(pair.publicKey), modulusLength)).toBe(expected)
    }
  })
})

function padded(value: bigint, size: number): string {
  const digits = value.toString(16)
  return digits.padStart(Math.max(2 * size, digits.length + (digits.length & 1)), '0')
}
