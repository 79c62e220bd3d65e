import { createPublicKey } from 'node:crypto'

/** Orders of the groups, from the curves' own documents and apart from those of the agent. */
const ORDERS: Readonly<Record<string, bigint>> = {
  ES256: 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n,
  ES384: 0xffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973n,
  ES512:
    6864797660130609714981900799081393217269435300143305409394463459185543183397655394245057746333217197532963996371363321113864768612440380340372808892707005449n,
}

/** Order of the group of Ed25519 (RFC 8032 section 5.1). */
const ED25519_ORDER = 2n ** 252n + 27742317777372353535851937790883648493n

const numberOf = (bytes: Buffer): bigint => BigInt(`0x${bytes.toString('hex') || '0'}`)

function bytesOf(value: bigint, length: number): Buffer {
  return Buffer.from(value.toString(16).padStart(2 * length, '0'), 'hex')
}

const splitOf = (token: string): [input: string, signature: Buffer] => {
  const dot = token.lastIndexOf('.')
  return [token.slice(0, dot), Buffer.from(token.slice(dot + 1), 'base64url')]
}

/** The compact JWS with its signature (r, s) as (r, n - s). */
export function twinOf(token: string, alg: string): string {
  const [input, signature] = splitOf(token)
  const half = signature.length / 2
  const s = numberOf(signature.subarray(half))
  const twin = Buffer.concat([signature.subarray(0, half), bytesOf((ORDERS[alg] ?? 0n) - s, half)])
  return `${input}.${twin.toString('base64url')}`
}

/** The certificate, DER, with its authority's signature (r, s) as (r, n - s). */
export function twinCertificateOf(der: Buffer, alg: string): Buffer {
  const outer = elementAt(der, 0)
  const algorithm = elementAt(der, elementAt(der, outer.start).end)
  const signature = elementAt(der, elementAt(der, algorithm.end).start + 1)
  const r = elementAt(der, signature.start)
  const s = elementAt(der, r.end)
  const hex = ((ORDERS[alg] ?? 0n) - numberOf(der.subarray(s.start, s.end))).toString(16)
  const digits = Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex')
  const other = encoded(2, (digits[0] ?? 0) < 0x80 ? digits : Buffer.concat([Buffer.of(0), digits]))
  const spelled = encoded(0x30, Buffer.concat([der.subarray(signature.start, r.end), other]))
  const bits = encoded(3, Buffer.concat([Buffer.of(0), spelled]))
  return encoded(0x30, Buffer.concat([der.subarray(outer.start, algorithm.end), bits]))
}

/** Where the contents of an element of DER begin and end. */
function elementAt(der: Buffer, at: number): { start: number; end: number } {
  const first = der[at + 1] ?? 0
  const more = first < 0x80 ? 0 : first - 0x80
  const start = at + 2 + more
  return { start, end: start + (more === 0 ? first : der.readUIntBE(at + 2, more)) }
}

function encoded(tag: number, contents: Buffer): Buffer {
  const { length } = contents
  const digits = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.of(tag, ...digits), contents])
}

/** With r, s or both larger by the order of the group; undefined where that does not fit into the bytes. */
export function liftedOf(token: string, alg: string, which: 'r' | 's' | 'both'): string | undefined {
  const [input, signature] = splitOf(token)
  const half = signature.length / 2
  const order = ORDERS[alg] ?? 0n
  const r = numberOf(signature.subarray(0, half)) + (which === 's' ? 0n : order)
  const s = numberOf(signature.subarray(half)) + (which === 'r' ? 0n : order)
  if (r >= 1n << BigInt(8 * half) || s >= 1n << BigInt(8 * half)) return undefined
  return `${input}.${Buffer.concat([bytesOf(r, half), bytesOf(s, half)]).toString('base64url')}`
}

/** An Ed25519 signature (R, S), little-endian, as (R, S + L). */
export function liftedEd25519(signature: Buffer): Buffer {
  const s = numberOf(Buffer.from(signature.subarray(32)).reverse()) + ED25519_ORDER
  return Buffer.concat([signature.subarray(0, 32), bytesOf(s, 32).reverse()])
}

/** An RSA signature s as s + n; undefined where that does not fit into the bytes. */
export function liftedRsa(signature: Buffer, key: Parameters<typeof createPublicKey>[0]): Buffer | undefined {
  const { n = '' } = createPublicKey(key).export({ format: 'jwk' })
  const lifted = numberOf(signature) + numberOf(Buffer.from(n, 'base64url'))
  return lifted < 1n << BigInt(8 * signature.length) ? bytesOf(lifted, signature.length) : undefined
}
