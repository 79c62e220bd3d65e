import { hash } from 'node:crypto'
import { twinSignature } from '../signature-twin.ts'

/** An element of DER (X.690 section 8.1): where its contents begin and end, as offsets. */
interface Element {
  readonly tag: number
  readonly start: number
  readonly end: number
}

const INTEGER = 0x02
const BIT_STRING = 0x03
const SEQUENCE = 0x30

/** The algorithm of the smallest curve of NIST's that has room for r and s. By chance it never is one too small. */
const CURVES = [
  { alg: 'ES256', bytes: 32 },
  { alg: 'ES384', bytes: 48 },
  { alg: 'ES512', bytes: 66 },
] as const

/**
 * The same certificate under the other signature of its authority that ECDSA allows (see {@link twinSignature}), DER. Its
 * holder can make it, with names, key and serial number as they are and another digest; every verifier takes it.
 * @param der a certificate that OpenSSL has read and written
 * @returns undefined where the signature is no (r, s)
 */
export function twinCertificate(der: Buffer): Buffer | undefined {
  const [body, algorithm, bits] = membersOf(der, elementAt(der, 0))
  if (body === undefined || algorithm === undefined || bits?.tag !== BIT_STRING || der[bits.start] !== 0)
    return undefined
  const signature = elementAt(der, bits.start + 1)
  if (signature?.tag !== SEQUENCE || signature.end !== bits.end) return undefined
  const [r, s, more] = membersOf(der, signature)
  if (r?.tag !== INTEGER || s?.tag !== INTEGER || more !== undefined) return undefined
  const numbers = [numberAt(der, r), numberAt(der, s)]
  const curve = CURVES.find(({ bytes }) => numbers.every((number) => number.length <= bytes))
  if (curve === undefined) return undefined
  const halves = numbers.map((number) => Buffer.concat([Buffer.alloc(curve.bytes - number.length), number]))
  const twin = twinSignature(curve.alg, Buffer.concat(halves).toString('base64url'))
  if (twin === undefined) return undefined
  const other = integer(Buffer.from(twin, 'base64url').subarray(curve.bytes))
  const spelled = encoded(SEQUENCE, Buffer.concat([der.subarray(signature.start, r.end), other]))
  const sealed = encoded(BIT_STRING, Buffer.concat([Buffer.of(0), spelled]))
  return encoded(SEQUENCE, Buffer.concat([der.subarray(elementAt(der, 0)?.start ?? 0, algorithm.end), sealed]))
}

/** SHA-256 of {@link twinCertificate}, base64url. */
export function twinX5tOf(der: Buffer): string | undefined {
  const twin = twinCertificate(der)
  return twin === undefined ? undefined : hash('sha256', twin, 'base64url')
}

/** Undefined where there is none that ends within the bytes. */
function elementAt(der: Buffer, at: number): Element | undefined {
  const [tag, first] = [der[at], der[at + 1]]
  if (tag === undefined || first === undefined) return undefined
  const lengthBytes = first < 0x80 ? 0 : first & 0x7f
  const start = at + 2 + lengthBytes
  if (lengthBytes > 4 || start > der.length) return undefined
  const end = start + (lengthBytes === 0 ? first : der.readUIntBE(at + 2, lengthBytes))
  return end <= der.length ? { tag, start, end } : undefined
}

/** Up to four, as far as they can be read. */
function membersOf(der: Buffer, parent: Element | undefined): (Element | undefined)[] {
  const members: Element[] = []
  let at = parent?.start ?? 0
  while (parent !== undefined && at < parent.end && members.length < 4) {
    const member = elementAt(der, at)
    if (member === undefined || member.end > parent.end) return []
    members.push(member)
    at = member.end
  }
  return members
}

/** A positive integer without zeros in front. */
function numberAt(der: Buffer, { start, end }: Element): Buffer {
  let from = start
  while (from < end && der[from] === 0) from++
  return der.subarray(from, end)
}

/** A positive integer, as short as it can be written. */
function integer(bytes: Buffer): Buffer {
  const number = numberAt(bytes, { tag: INTEGER, start: 0, end: bytes.length })
  const isNegative = ((number[0] ?? 0x80) & 0x80) !== 0
  return encoded(INTEGER, isNegative ? Buffer.concat([Buffer.of(0), number]) : number)
}

function encoded(tag: number, contents: Buffer): Buffer {
  const { length } = contents
  if (length < 0x80) return Buffer.concat([Buffer.of(tag, length), contents])
  const digits = Buffer.from(length.toString(16).padStart(length < 0x100 ? 2 : length < 0x10000 ? 4 : 6, '0'), 'hex')
  return Buffer.concat([Buffer.of(tag, 0x80 + digits.length), digits, contents])
}
