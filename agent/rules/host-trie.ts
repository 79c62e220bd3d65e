import { hashOf, SliceMap } from './slice-map.ts'

/** Host patterns (`api.example.com`, `*.example.com`) as a tree of labels, the last label first, with something for each. */
export class HostTrie<T> {
  readonly #root = new HostNode<T>()
  readonly #make: () => T
  /** No label of a pattern is longer, in UTF-16 units. */
  #longest = 0

  constructor(make: () => T) {
    this.#make = make
  }

  /** What belongs to the pattern; made when it is new. */
  of(pattern: string): T {
    const isWildcard = pattern.startsWith('*.')
    const labels = (isWildcard ? pattern.slice(2) : pattern).split('.')
    let node = this.#root
    for (const label of labels.toReversed()) {
      this.#longest = Math.max(this.#longest, label.length)
      node = node.children.getOrAdd(label, () => new HostNode<T>())
    }
    return isWildcard ? (node.below ??= this.#make()) : (node.exact ??= this.#make())
  }

  /**
   * Visits what belongs to the patterns that match: one at most for each label of the longest pattern, and the exact one.
   * @param visit kept by the caller, so that a call allocates nothing
   */
  match(host: string, visit: (value: T) => void): void {
    let node = this.#root
    let end = host.length
    while (!node.children.isEmpty) {
      // A position of -1 would be taken for 0, and an empty first label for one with a dot in it.
      const from = end === 0 ? 0 : host.lastIndexOf('.', end - 1) + 1
      if (end - from > this.#longest) return
      const child = node.children.get(hashOf(host, from, end), host, from, end)
      if (child === undefined) return
      node = child
      if (from === 0) {
        if (node.exact !== undefined) visit(node.exact)
        return
      }
      // A dot alone in front is no name below.
      if (node.below !== undefined && from > 1) visit(node.below)
      end = from - 1
    }
  }
}

class HostNode<T> {
  readonly children = new SliceMap<HostNode<T>>()
  exact: T | undefined
  below: T | undefined
}
