import { hash, type KeyObject, publicDecrypt } from 'node:crypto'
import type { Algorithm } from './algorithms.ts'

type Hash = NonNullable<Algorithm['hash']>

/** What stands before the digest in a DigestInfo (RFC 8017 section 9.2, note 1), one character a byte. */
const DIGEST_INFO: Readonly<Record<Hash, string>> = {
  sha256: latin1('3031300d060960864801650304020105000420'),
  sha384: latin1('3041300d060960864801650304020205000430'),
  sha512: latin1('3051300d060960864801650304020305000440'),
}
const DIGEST_BYTES: Readonly<Record<Hash, number>> = { sha256: 32, sha384: 48, sha512: 64 }

/**
 * Whether a signature is the RSASSA-PKCS1-v1_5 one of a text (RFC 8017 section 8.2.2): the message of which it is the
 * signature is recovered, and compared as a whole with the one that it must be (EMSA-PKCS1-v1_5, section 9.2). Nothing in
 * it is parsed, not by OpenSSL either.
 *
 *     recovered = 00 01 *FF 00 DigestInfo     as many bytes as the modulus has
 *
 * `verify` does the same, and its way there costs a tenth of the check more. With PKCS #1 padding on the key, which OpenSSL
 * would take off, a forged signature would cost half as much again as a good one: Node makes an error of it.
 *
 * @param signed ASCII
 * @param key without padding, see {@link VerificationKey.bare}
 * @param modulusBits of the key
 * @throws {Error} the signature, as a number, is none below the modulus
 */
export function verifyPkcs1(
  algorithm: Hash,
  signed: string,
  signature: Buffer,
  key: KeyObject,
  modulusBits: number,
): boolean {
  const size = Math.ceil(modulusBits / 8)
  // Step 1: OpenSSL would take a shorter one for a number with zeros in front.
  if (signature.length !== size) return false
  const recovered = publicDecrypt(key, signature).toString('latin1')
  const digest = hash(algorithm, signed, 'binary')
  const before = beforeDigest(algorithm, size)
  return recovered.length === size && recovered.startsWith(before) && recovered.endsWith(digest)
}

/** By hash and size, of which vetted keys have few: what stands before the digest. */
const known = new Map<Hash, Map<number, string>>()

function beforeDigest(algorithm: Hash, size: number): string {
  let bySize = known.get(algorithm)
  if (bySize === undefined) known.set(algorithm, (bySize = new Map<number, string>()))
  let before = bySize.get(size)
  if (before === undefined) {
    const info = DIGEST_INFO[algorithm]
    before = latin1(`0001${'ff'.repeat(size - info.length - DIGEST_BYTES[algorithm] - 3)}00`) + info
    before = Buffer.from(before, 'latin1').toString('latin1') // one piece
    bySize.set(size, before)
  }
  return before
}

function latin1(hex: string): string {
  return Buffer.from(hex, 'hex').toString('latin1')
}
