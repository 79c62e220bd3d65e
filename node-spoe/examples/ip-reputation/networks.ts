import { readFileSync, watchFile } from 'node:fs'
import { BlockList, isIP } from 'node:net'

/** Looks every so often whether the file has changed, milliseconds. */
const LOOK_EVERY_MS = 1_000

/** Networks of one score. */
interface Group {
  readonly score: number
  readonly list: BlockList
}

/** Scores of networks, read from a file and read again when it changes. */
export class Networks {
  readonly #file: string
  /** Worst first, so that the first hit is the answer. */
  #groups: readonly Group[]

  /** Throws if the file cannot be read: an agent that starts without its list should not start. */
  constructor(file: string) {
    this.#file = file
    this.#groups = parse(readFileSync(file, 'utf8'))
    // watchFile and not watch: most editors and deployments replace a file, and watch() stays with the old one.
    // Not persistent: a drained agent ends by itself.
    watchFile(file, { interval: LOOK_EVERY_MS, persistent: false }, () => this.#reload())
  }

  /** 0 for an address that is on no list. */
  score(address: string): number {
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4'
    return this.#groups.find(({ list }) => list.check(address, family))?.score ?? 0
  }

  /** A file that is being written, or is wrong, must not cost the list that is in use. */
  #reload(): void {
    try {
      this.#groups = parse(readFileSync(this.#file, 'utf8'))
      console.log(`${this.#file} read again`)
    } catch (error) {
      console.error(`${this.#file} is not used, the previous list stays:`, error)
    }
  }
}

/** Lines of `network score`; `#` begins a comment. */
function parse(text: string): Group[] {
  const lists = new Map<number, BlockList>()
  for (const [index, line] of text.split('\n').entries()) {
    const [entry, points, ...rest] = line.replace(/#.*/, '').trim().split(/\s+/)
    if (entry === undefined || entry === '') continue
    const [address = '', prefix] = entry.split('/')
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4'
    const score = Number(points)
    if (isIP(address) === 0 || !Number.isInteger(score) || rest.length > 0) {
      throw new Error(`line ${index + 1} is not "network score": ${line}`)
    }
    const list = lists.get(score) ?? new BlockList()
    // Throws for a prefix out of range.
    list.addSubnet(address, Number(prefix ?? (family === 'ipv6' ? 128 : 32)), family)
    lists.set(score, list)
  }
  return Array.from(lists, ([score, list]) => ({ score, list })).toSorted((a, b) => b.score - a.score)
}
