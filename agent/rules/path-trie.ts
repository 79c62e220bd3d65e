import type { Candidates } from './candidates.ts'
import type { PathPattern, Segment } from './path-pattern.ts'
import { RuleList } from './rule-list.ts'
import { hashOf, SliceMap } from './slice-map.ts'

/** The patterns of one host pattern as a tree of segments. */
export class PathNode {
  readonly #children = new SliceMap<PathNode>()
  /** For any segment that is not empty. */
  #one: PathNode | undefined
  /** Rules for the path that ends here. */
  #ends: RuleList | undefined
  /** Rules for the path that ends here and everything below. */
  #open: RuleList | undefined

  add({ segments, open }: PathPattern, index: number, methods: readonly number[] | undefined): void {
    const node = segments.reduce<PathNode>((above, segment) => above.#below(segment), this)
    const list = open ? (node.#open ??= new RuleList()) : (node.#ends ??= new RuleList())
    list.add(index, methods)
  }

  #below(segment: Segment): PathNode {
    if (segment.kind === 'one') return (this.#one ??= new PathNode())
    return this.#children.getOrAdd(segment.text, () => new PathNode())
  }

  get isLeaf(): boolean {
    return this.#one === undefined && this.#children.isEmpty
  }

  get one(): PathNode | undefined {
    return this.#one
  }

  child(hash: number, path: string, from: number, to: number): PathNode | undefined {
    return this.#children.get(hash, path, from, to)
  }

  /** Hands over the rules of a path that has come this far. */
  collect(isEnd: boolean, into: Candidates): void {
    if (this.#open !== undefined) into.add(this.#open)
    if (isEnd && this.#ends !== undefined) into.add(this.#ends)
  }
}

/**
 * Walks a path down several trees at once, so that it is read once at most. It ends where no tree goes on, so its work is
 * bounded by the nodes of the trees, whatever the path. No allocation but while more branches are alive than ever before.
 */
export class PathWalk {
  /** No literal of the trees is longer: a longer segment need not be hashed. Counted in UTF-16 units. */
  readonly #longest: number
  #alive: PathNode[] = []
  #next: PathNode[] = []
  #count = 0

  constructor(longest: number) {
    this.#longest = longest
  }

  /** Adds a tree for the next `run`. */
  enter(root: PathNode, into: Candidates): void {
    root.collect(false, into)
    if (!root.isLeaf) this.#alive[this.#count++] = root
  }

  /** @param path one that begins with a slash */
  run(path: string, into: Candidates): void {
    let from = 1
    while (this.#count > 0) {
      const slash = path.indexOf('/', from)
      const isLast = slash === -1
      const end = isLast ? path.length : slash
      this.#step(path, from, end, isLast, into)
      if (isLast) this.#count = 0
      from = end + 1
    }
  }

  #step(path: string, from: number, end: number, isLast: boolean, into: Candidates): void {
    const alive = this.#alive
    const next = this.#next
    const count = this.#count
    const isKnowable = end - from <= this.#longest
    const hash = isKnowable ? hashOf(path, from, end) : 0
    let kept = 0
    for (let i = 0; i < count; i++) {
      const node = alive[i] as PathNode
      const child = isKnowable ? node.child(hash, path, from, end) : undefined
      if (child !== undefined) {
        child.collect(isLast, into)
        if (!child.isLeaf) next[kept++] = child
      }
      const { one } = node
      if (one !== undefined && end > from) {
        one.collect(isLast, into)
        if (!one.isLeaf) next[kept++] = one
      }
    }
    this.#alive = next
    this.#next = alive
    this.#count = kept
  }
}
