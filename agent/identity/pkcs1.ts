import { hash, type KeyObject, publicDecrypt } from 'node:crypto'
import type { Algorithm } from './algorithms.ts'

type Hash = NonNullable<Algorithm['hash']>

/** What stands before the digest in a DigestInfo (RFC 8017 section 9.2, note 1), one character a byte. */
const DIGEST_INFO: Readonly<Record<Hash, string>> = {
  sha256: latin1('3031300d060960864801650304020105000420'),
  sha384: latin1('3041300d060960864801650304020205000430'),
  sha512: latin1('3051300d060960864801650304020305000440'),
}

/**
 * Whether a signature is the RSASSA-PKCS1-v1_5 one of a text (RFC 8017 section 8.2.2). From the signature the one message
 * is recovered that it can be of, and compared as a whole with what it must be; nothing in it is parsed. OpenSSL takes off
 * the padding, whose every byte is given (EMSA-PKCS1-v1_5, section 9.2), so a signature of `k` bytes has one form.
 *
 * `verify` does the same, and its way there costs a tenth of the check more.
 *
 *     recovered = 00 01 *FF 00 DigestInfo     k bytes; what publicDecrypt gives is the DigestInfo
 *
 * @param signed ASCII
 * @param key with PKCS #1 padding set on it, see `importFor`
 * @param modulusBits of the key
 * @throws {Error} OpenSSL cannot make a message of the signature
 */
export function verifyPkcs1(
  algorithm: Hash,
  signed: string,
  signature: Buffer,
  key: KeyObject,
  modulusBits: number,
): boolean {
  // Step 1: OpenSSL would take a shorter one for a number with zeros in front.
  if (signature.length !== Math.ceil(modulusBits / 8)) return false
  const recovered = publicDecrypt(key, signature).toString('latin1')
  return recovered === DIGEST_INFO[algorithm] + hash(algorithm, signed, 'binary')
}

function latin1(hex: string): string {
  return Buffer.from(hex, 'hex').toString('latin1')
}
