import { Candidates } from './candidates.ts'
import { HostTrie } from './host-trie.ts'
import type { PathPattern } from './path-pattern.ts'
import { PathNode, PathWalk } from './path-trie.ts'
import { MethodIds, RuleList } from './rule-list.ts'

/** What an index knows of a rule. What is `undefined` matches everything, what is empty nothing. */
export interface IndexEntry {
  readonly methods?: ReadonlySet<string> | undefined
  /** Patterns in small letters. */
  readonly hosts?: readonly string[] | undefined
  readonly paths?: readonly PathPattern[] | undefined
}

/** The rules of one host pattern. */
class Scope {
  readonly anyPath = new RuleList()
  readonly paths = new PathNode()
}

/**
 * Finds the rules that can match a request by method, host and path, so that thousands of rules cost what a few do. A rule
 * takes room once for each of its hosts with each of its paths. Callers choose method, host and path: the work for a
 * request is bounded by the rules (depth of the patterns, branches alive), and beyond that host and path are read once.
 */
export class RuleIndex {
  readonly #methods = new MethodIds()
  readonly #everywhere = new Scope()
  readonly #hosts = new HostTrie(() => new Scope())
  readonly #found = new Candidates()
  readonly #walk: PathWalk
  #hasPath = false
  readonly #enter = (scope: Scope): void => {
    this.#found.add(scope.anyPath)
    if (this.#hasPath) this.#walk.enter(scope.paths, this.#found)
  }

  /** @param entries one for each rule, in the order of the rules */
  constructor(entries: readonly IndexEntry[]) {
    let longest = 0
    for (const [index, { methods, hosts, paths }] of entries.entries()) {
      for (const { segments } of paths ?? []) {
        for (const segment of segments) {
          if (segment.kind === 'literal') longest = Math.max(longest, segment.text.length)
        }
      }
      const ids = methods && Array.from(methods, (method) => this.#methods.of(method))
      for (const scope of hosts?.map((host) => this.#hosts.of(host)) ?? [this.#everywhere]) {
        if (paths === undefined) scope.anyPath.add(index, ids)
        for (const pattern of paths ?? []) scope.paths.add(pattern, index, ids)
      }
    }
    this.#walk = new PathWalk(longest)
  }

  /**
   * The rules whose method, host and path match, in order.
   * @param host in small letters, without port; '' when unknown
   * @param path a canonical one; one that does not begin with a slash fits no pattern
   * @returns a cursor that is valid until the next call: whoever waits in between calls again and goes on with `startAt`
   */
  candidates(method: string, host: string, path: string): Candidates {
    const found = this.#found
    found.reset(this.#methods.find(method))
    this.#hasPath = path.startsWith('/')
    this.#enter(this.#everywhere)
    this.#hosts.match(host, this.#enter)
    this.#walk.run(path, found)
    return found
  }
}
