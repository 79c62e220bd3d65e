interface Node<V> {
  readonly key: string
  readonly value: V
  readonly bytes: number
  newer: Node<V> | undefined
  older: Node<V> | undefined
}

export interface LruLimits {
  readonly maxEntries: number
  readonly maxBytes: number
}

/**
 * Least recently used map, bounded by entries and by the bytes its user declares. A linked list beside the map: touching
 * an entry moves four references, where delete and set on a Map would grow and rehash it.
 */
export class Lru<V> {
  /** Entries dropped to make room, since the start. */
  evictions = 0
  #bytes = 0
  #newest: Node<V> | undefined
  #oldest: Node<V> | undefined
  readonly #nodes = new Map<string, Node<V>>()
  readonly #limits: LruLimits

  constructor(limits: LruLimits) {
    this.#limits = limits
  }

  get size(): number {
    return this.#nodes.size
  }

  /** Declared bytes of all entries. */
  get bytes(): number {
    return this.#bytes
  }

  /** The value, which becomes the most recently used one. */
  get(key: string): V | undefined {
    const node = this.#nodes.get(key)
    if (node === undefined) return undefined
    if (node !== this.#newest) {
      this.#unlink(node)
      this.#link(node)
    }
    return node.value
  }

  /** Puts a value in and drops the least recently used ones until it fits; one over the byte limit is not kept. */
  set(key: string, value: V, bytes: number): void {
    this.delete(key)
    if (bytes > this.#limits.maxBytes) return
    const node: Node<V> = { key, value, bytes, newer: undefined, older: undefined }
    this.#nodes.set(key, node)
    this.#link(node)
    this.#bytes += bytes
    while (this.#oldest !== undefined && (this.size > this.#limits.maxEntries || this.#bytes > this.#limits.maxBytes)) {
      this.delete(this.#oldest.key)
      this.evictions++
    }
  }

  delete(key: string): void {
    const node = this.#nodes.get(key)
    if (node === undefined) return
    this.#nodes.delete(key)
    this.#unlink(node)
    this.#bytes -= node.bytes
  }

  /** Keys and values, of which some may come and go meanwhile. No use of them. */
  *[Symbol.iterator](): Generator<readonly [key: string, value: V]> {
    for (const { key, value } of this.#nodes.values()) yield [key, value]
  }

  clear(): void {
    this.#nodes.clear()
    this.#newest = undefined
    this.#oldest = undefined
    this.#bytes = 0
  }

  #link(node: Node<V>): void {
    node.newer = undefined
    node.older = this.#newest
    if (this.#newest !== undefined) this.#newest.newer = node
    this.#newest = node
    this.#oldest ??= node
  }

  #unlink(node: Node<V>): void {
    if (node.newer === undefined) this.#newest = node.older
    else node.newer.older = node.older
    if (node.older === undefined) this.#oldest = node.newer
    else node.older.newer = node.newer
  }
}
