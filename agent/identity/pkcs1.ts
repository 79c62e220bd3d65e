import { hash, type KeyObject, publicDecrypt } from 'node:crypto'
import type { Algorithm } from './algorithms.ts'

type Hash = NonNullable<Algorithm['hash']>

/** What stands before the digest in a DigestInfo (RFC 8017 section 9.2, note 1), in hex. */
const DIGEST_INFO: Readonly<Record<Hash, string>> = {
  sha256: '3031300d060960864801650304020105000420',
  sha384: '3041300d060960864801650304020205000430',
  sha512: '3051300d060960864801650304020305000440',
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
  const message = messageOf(algorithm, size)
  const digestBytes = DIGEST_BYTES[algorithm]
  message.write(hash(algorithm, signed, 'binary'), size - digestBytes, 'latin1')
  return publicDecrypt(key, signature).equals(message)
}

/** By hash and size, of which vetted keys have few: a message whose digest the next check writes. */
const messages = new Map<Hash, Map<number, Buffer>>()

function messageOf(algorithm: Hash, size: number): Buffer {
  let bySize = messages.get(algorithm)
  if (bySize === undefined) messages.set(algorithm, (bySize = new Map<number, Buffer>()))
  let message = bySize.get(size)
  if (message === undefined) {
    const info = Buffer.from(`00${DIGEST_INFO[algorithm]}`, 'hex')
    message = Buffer.alloc(size, 0xff)
    message[0] = 0
    message[1] = 1
    info.copy(message, size - DIGEST_BYTES[algorithm] - info.length)
    bySize.set(size, message)
  }
  return message
}
