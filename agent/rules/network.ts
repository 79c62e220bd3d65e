import { AddressRanges } from './address-ranges.ts'
import { parseIpv4, parseIpv6 } from './address.ts'
import { type NetworkEntry, parseNetwork } from './network-entry.ts'

/** Whether a caller's address is among the networks. Makes no garbage. */
export type NetworkMatcher = (source: string) => boolean

const ONE_WORD = new Uint32Array(1)
const FOUR_WORDS = new Uint32Array(4)

/**
 * Compiles addresses and networks, some of them excluded by "!". An address matches when an entry without "!" holds it,
 * or there is none of that kind, and no entry with "!" does; the order plays no part. What is no address (a caller of a
 * UNIX socket has none) matches nothing, not even a list that only excludes. IPv4-mapped addresses count as IPv4.
 * @returns a matcher, or what is wrong with the first entry that cannot be read, and what to write
 */
export function compileNetworks(list: readonly string[]): NetworkMatcher | string {
  if (list.length === 0) return 'the list of networks is empty: give one address or network at least'
  const entries: NetworkEntry[] = []
  for (const text of list) {
    const entry = parseNetwork(text)
    if (typeof entry === 'string') return entry
    entries.push(entry)
  }
  const all = entries.every(({ excluded }) => excluded)
  const rangesOf = (family: 4 | 6, excluded: boolean): AddressRanges => {
    const some = entries.filter((entry) => entry.family === family && entry.excluded === excluded)
    return new AddressRanges(family === 4 ? 1 : 4, some)
  }
  const plain4 = rangesOf(4, false)
  const excluded4 = rangesOf(4, true)
  const plain6 = rangesOf(6, false)
  const excluded6 = rangesOf(6, true)
  const matches4 = (address: number): boolean => {
    ONE_WORD[0] = address
    return (all || plain4.has(ONE_WORD)) && !excluded4.has(ONE_WORD)
  }
  return (source) => {
    const v4 = parseIpv4(source)
    if (v4 >= 0) return matches4(v4)
    if (!parseIpv6(source, FOUR_WORDS)) return false
    const mapped = FOUR_WORDS[0] === 0 && FOUR_WORDS[1] === 0 && FOUR_WORDS[2] === 0xffff
    if (mapped) return matches4(FOUR_WORDS[3] ?? 0)
    return (all || plain6.has(FOUR_WORDS)) && !excluded6.has(FOUR_WORDS)
  }
}
