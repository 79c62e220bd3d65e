/**
 * Orders of the groups (SEC 2 sections 2.4.1, 2.4.2, 2.5.1, 2.6.1), as wide as half a signature. ES256K (RFC 8812) is none of
 * our algorithms, but tokens that others judge for us may have it.
 */
const ORDERS: ReadonlyMap<string, Buffer> = new Map(
  Object.entries({
    ES256: 'ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551',
    ES256K: 'fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141',
    ES384: 'ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973',
    ES512:
      '01fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409',
  }).map(([alg, order]) => [alg, Buffer.from(order, 'hex')]),
)

/**
 * The other signature of the same bytes by the same key: of ECDSA's (r, s) it is (r, n - s), which everybody can work out
 * and every verifier accepts (RFC 7518 section 3.4 does not ask for the smaller s). There is no third one: OpenSSL refuses
 * an r or s of n or more. Undefined for the algorithms whose signatures nobody can spell anew (RSA, Ed25519).
 *
 * @param text the signature that was verified, so that 0 < s < n, in base64url
 */
export function twinSignature(alg: string, text: string): string | undefined {
  const order = ORDERS.get(alg)
  if (order === undefined) return undefined
  const signature = Buffer.from(text, 'base64url')
  const twin = Buffer.from(signature)
  const half = order.length
  // Byte by byte: made for every token of these algorithms, and a BigInt takes several times as long.
  let borrow = 0
  for (let i = half - 1; i >= 0; i--) {
    const difference = (order[i] ?? 0) - (signature[half + i] ?? 0) - borrow
    borrow = difference < 0 ? 1 : 0
    twin[half + i] = difference & 0xff
  }
  return twin.toString('base64url')
}
