import type { AddressRange } from './address-ranges.ts'
import { parseIpv4, parseIpv6 } from './address.ts'

/** One entry of a list of networks: the addresses from `low` to `high`. */
export interface NetworkEntry extends AddressRange {
  readonly family: 4 | 6
  /** Written with "!": what it holds does not match. */
  readonly excluded: boolean
}

const MAPPED = 0xffffn << 32n
const EXAMPLES = 'write an address or a network, such as 192.0.2.7, 10.0.0.0/8 or 2001:db8::/32'

/**
 * Reads `192.0.2.7`, `10.0.0.0/8`, `2001:db8::/32`, each with "!" in front or without. IPv4-mapped networks from /96 on
 * are IPv4, as the addresses of callers are; a shorter IPv6 prefix holds no IPv4 address, not even `::/0`.
 * @returns the entry, or what is wrong with it and what to write
 */
export function parseNetwork(entry: string): NetworkEntry | string {
  const excluded = entry.startsWith('!')
  const network = excluded ? entry.slice(1) : entry
  const slash = network.indexOf('/')
  const address = slash === -1 ? network : network.slice(0, slash)
  const value = addressValue(address)
  if (value === undefined) return `"${entry}" ${notAnAddress(address, network)}`
  const v6 = address.includes(':')
  const size = v6 ? 128 : 32
  const prefix = slash === -1 ? String(size) : network.slice(slash + 1)
  if (!/^(?:0|[1-9]\d{0,2})$/.test(prefix) || Number(prefix) > size) {
    return `"${entry}" ${notAPrefix(address, prefix, size)}`
  }
  const free = (1n << BigInt(size - Number(prefix))) - 1n
  const low = value & ~free
  if (low !== value) {
    const right = `${excluded ? '!' : ''}${formatAddress(low, v6)}/${prefix}`
    return `"${entry}" has bits beyond the prefix: write ${right}`
  }
  if (v6 && value >> 32n === MAPPED >> 32n && Number(prefix) >= 96) {
    return { family: 4, excluded, low: value - MAPPED, high: value - MAPPED + free }
  }
  return { family: v6 ? 6 : 4, excluded, low, high: low + free }
}

/** An address as the facts of a request have it, RFC 5952 or dotted IPv4; undefined when the text is none. */
export function canonicalAddress(text: string): string | undefined {
  const value = addressValue(text)
  if (value === undefined) return undefined
  const v6 = text.includes(':')
  return v6 && value >> 32n === MAPPED >> 32n ? formatAddress(value - MAPPED, false) : formatAddress(value, v6)
}

function addressValue(text: string): bigint | undefined {
  if (!text.includes(':')) {
    const v4 = parseIpv4(text)
    return v4 < 0 ? undefined : BigInt(v4)
  }
  const words = new Uint32Array(4)
  if (!parseIpv6(text, words)) return undefined
  return words.reduce((value, word) => (value << 32n) | BigInt(word), 0n)
}

function formatAddress(value: bigint, v6: boolean): string {
  if (!v6) return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 255n).join('.')
  const groups = Array.from({ length: 8 }, (_, i) => ((value >> BigInt(112 - 16 * i)) & 0xffffn).toString(16))
  // The host of a URL is written in the canonical form of RFC 5952.
  return new URL(`http://[${groups.join(':')}]/`).hostname.slice(1, -1)
}

/** The most likely slips, with the right way to write each. */
function notAnAddress(address: string, network: string): string {
  const instead = (right: string): string | undefined =>
    right === network || typeof parseNetwork(right) === 'string' ? undefined : `write ${right}`
  const zone = /^(.+:.*)%.*$/.exec(address)
  if (zone?.[1] !== undefined) return `has a zone id, which means something on one machine only: write ${zone[1]}`
  const range = /^([^\s-]+)\s*-\s*[^\s-]+$/.exec(network)
  if (range?.[1] !== undefined && addressValue(range[1]) !== undefined) {
    return `is a range: ${EXAMPLES}; several networks make up a range`
  }
  if (network !== network.trim()) return `has blanks: ${instead(network.trim()) ?? EXAMPLES}`
  const bracketed = /^\[([^\]]*)\](?::\d+)?(\/\d+)?$/.exec(network)
  if (bracketed !== null) {
    return `has brackets: ${instead(`${bracketed[1] ?? ''}${bracketed[2] ?? ''}`) ?? EXAMPLES}`
  }
  const port = /^([\d.]+):\d+$/.exec(network)
  if (port?.[1] !== undefined) return `has a port: ${instead(port[1]) ?? EXAMPLES}`
  if (/^\d{1,3}(?:\.\d{1,3}){0,3}$/.test(address)) {
    const parts = address.split('.').map(Number)
    const padded = [...parts, 0, 0, 0].slice(0, 4).join('.')
    const prefix = network.slice(address.length)
    const better = instead(padded + (prefix === '' && parts.length < 4 ? `/${parts.length * 8}` : prefix))
    return `is no IPv4 address: ${better ?? EXAMPLES}`
  }
  return `is no address: ${EXAMPLES}`
}

function notAPrefix(address: string, prefix: string, size: number): string {
  const mask = size === 32 ? parseIpv4(prefix) : -1
  if (mask < 0) return `has no prefix length from 0 to ${size} behind the "/"`
  const bits = Math.clz32(~mask)
  const isMask = bits === 32 ? mask === 0xffff_ffff : (mask << bits) >>> 0 === 0
  return isMask ? `has a network mask: write ${address}/${bits}` : `has a network mask with gaps: ${EXAMPLES}`
}
