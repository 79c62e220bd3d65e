import { parseIpv4, parseIpv6 } from './address.ts'

/** An address as a value: goes to HAProxy as SPOP's IPv4 or IPv6 instead of as a text. */
export class IpAddress {
  readonly text: string
  /** 4 or 16, in network order. */
  readonly bytes: Uint8Array

  private constructor(text: string, bytes: Uint8Array) {
    this.text = text
    this.bytes = bytes
  }

  /** @returns undefined when the text is no address; IPv4-mapped IPv6 addresses become IPv4 */
  static parse(text: string): IpAddress | undefined {
    const v4 = parseIpv4(text)
    if (v4 >= 0) return IpAddress.#v4(v4)
    const words = new Uint32Array(4)
    if (!parseIpv6(text, words)) return undefined
    if (words[0] === 0 && words[1] === 0 && words[2] === 0xffff) return IpAddress.#v4(words[3] ?? 0)
    const bytes = Buffer.alloc(16)
    for (const [i, word] of words.entries()) bytes.writeUInt32BE(word, i * 4)
    return new IpAddress(text, bytes)
  }

  static #v4(value: number): IpAddress {
    const bytes = Buffer.alloc(4)
    bytes.writeUInt32BE(value)
    return new IpAddress(bytes.join('.'), bytes)
  }

  equals(other: IpAddress): boolean {
    return this.bytes.length === other.bytes.length && this.bytes.every((byte, i) => byte === other.bytes[i])
  }

  toString(): string {
    return this.text
  }
}
