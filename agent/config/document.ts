import {
  type Document,
  isAlias,
  isMap,
  isNode,
  isPair,
  isScalar,
  isSeq,
  type Node,
  parseDocument,
  Scalar,
  visit,
} from 'yaml'
import { type Environment, interpolate, origins, syntaxHint } from './env.ts'
import { textProblems } from './file-text.ts'
import { defaultHint } from './hints.ts'
import { Lines } from './lines.ts'
import { problem, type Problem } from './problem.ts'
import { scalarOffsets } from './scalar-offsets.ts'
import { suggest } from './suggest.ts'
import { syntaxErrors } from './yaml-syntax.ts'
import { deepBracket, type Refusal, refusedStructure } from './yaml-structure.ts'

export type Path = readonly PropertyKey[]

/** A node, and the offsets that stand for it. */
interface Found {
  readonly node: Node | undefined
  readonly start: number
  readonly end: number
}

/** A YAML file that remembers where everything stands in it. */
export class ConfigDocument {
  readonly file: string
  readonly #lines: Lines
  readonly #document: Document
  /** Why the file is not even read. */
  readonly #unread: readonly Problem[]
  #env: Environment = {}
  /** Values as the file has them, where a reference was replaced. */
  readonly #originals = new Map<Scalar, string>()
  /** Values whose references could not be replaced. */
  readonly #unresolved = new Set<Node>()

  constructor(file: string, text: string) {
    this.file = file
    this.#lines = new Lines(text.replace(/^\ufeff/, ''))
    const unread = textProblems(file, this.#lines)
    const deep = unread.length > 0 ? undefined : deepBracket(this.#lines.text)
    this.#unread = deep === undefined ? unread : [this.#refused(deep)]
    // Merge keys and custom tags stay off: a reader of the file sees all that it says.
    this.#document = parseDocument(this.#unread.length > 0 ? '' : this.#lines.text, {
      uniqueKeys: true,
      strict: true,
      prettyErrors: false,
      logLevel: 'error',
    })
  }

  /** What the file holds, without a byte order mark. */
  get text(): string {
    return this.#lines.text
  }

  /** What YAML itself refuses, and what of YAML is refused here. With a `fatal` one the content says nothing. */
  syntaxProblems(): { fatal: boolean; problems: Problem[] } {
    if (this.#unread.length > 0) return { fatal: true, problems: [...this.#unread] }
    const { fatal, errors } = syntaxErrors(this.#document, this.#lines)
    const refused = fatal ? [] : refusedStructure(this.#document, this.#lines.text)
    const problems = [...errors, ...refused].map((refusal) => this.#refused(refusal))
    return { fatal: fatal || refused.length > 0, problems }
  }

  /** Replaces `${NAME}` in every value, in place, and reports what could not be replaced. */
  interpolate(env: Environment): Problem[] {
    const problems: Problem[] = []
    this.#env = env
    visit(this.#document, {
      Scalar: (key, node) => {
        if (key === 'key' || typeof node.value !== 'string') return
        const failed = this.#references(node, node.value, env)
        problems.push(...failed)
        if (failed.length > 0) this.#unresolved.add(node)
        const result = interpolate(node.value, env)
        if (!result.ok || result.value === node.value) return
        this.#originals.set(node, node.value)
        // An unquoted value takes the type it would have had if it had been written out: a number stays a number.
        node.value = node.type === Scalar.PLAIN ? plainValue(result.value) : result.value
      },
    })
    return problems
  }

  /** What is wrong with the references of one value. */
  #references(node: Scalar, text: string, env: Environment): Problem[] {
    const problems: Problem[] = []
    let known = env
    for (;;) {
      const result = interpolate(text, known)
      if (result.ok) return problems
      const start = this.#offsetIn(node, text, result.offset)
      if (result.kind === 'syntax') {
        const message = '"${" without a name and a "}"'
        const extra = { start, length: result.length, message, hint: syntaxHint(text, result.offset) }
        return [...problems, this.#refused(extra, 'CONFIG_ENV_SYNTAX')]
      }
      const { name, length } = result
      const message = `environment variable ${name} is not set`
      problems.push(this.#refused({ start, length, message, hint: unsetHint(name, env) }, 'CONFIG_ENV_UNSET'))
      // Set for the search only, so that the next one is found.
      known = { ...known, [name]: '-' }
    }
  }

  /** Whether `path` leads to a value, or into one, that nobody knows yet: what is said of it would be noise. */
  isUnresolved(path: Path): boolean {
    const { node } = this.#nearest(path)
    return node !== undefined && this.#unresolved.has(node)
  }

  /** Whether a value that nobody knows yet lies below `path`. */
  holdsUnresolved(path: Path): boolean {
    const { start, end } = this.#nearest(path)
    return [...this.#unresolved].some(({ range }) => {
      const at = range?.[0] ?? -1
      return at >= start && at < end
    })
  }

  /** The file's content as plain values. */
  toJS(): unknown {
    // Aliases have their limit already.
    return this.#document.toJS({ maxAliasCount: -1 })
  }

  /**
   * A problem at the value that stands at `path`, or at its nearest parent where there is none.
   * @param extra `offset` and `length` are within the value, as the program sees it: without quotes, escapes, folding
   */
  atValue(
    code: Problem['code'],
    path: Path,
    message: string,
    extra: { hint?: string; offset?: number; length?: number } = {},
  ): Problem {
    const found = this.#nearest(path)
    const { node, start, end } = this.#entryNamed(code, found.node, message) ?? found
    const hint = extra.hint ?? defaultHint(code, path, message)
    if (extra.offset !== undefined && isScalar(node)) {
      const from = this.#offsetIn(node, this.#originals.get(node) ?? node.value, extra.offset, true)
      const to = this.#offsetIn(node, this.#originals.get(node) ?? node.value, extra.offset + (extra.length ?? 1), true)
      return this.#refused({ start: from, length: Math.max(1, to - from), message, hint }, code)
    }
    const length = isScalar(node) || node === undefined ? Math.max(1, end - start) : 1
    return this.#refused({ start, length: extra.length ?? length, message, hint }, code)
  }

  /** Whether the mapping at `path` has the key. */
  hasKey(path: Path, key: string): boolean {
    return this.#pair(this.#nearest(path).node, key) !== undefined
  }

  /** A problem at the key `key` of the mapping at `path`. */
  atKey(code: Problem['code'], path: Path, key: string, message: string, hint?: string): Problem {
    const [start, end] = this.#pair(this.#nearest(path).node, key)?.key.range ?? [this.#nearest(path).start, 0]
    const length = Math.max(1, end - start)
    return this.#refused({ start, length, message, hint: hint ?? defaultHint(code, [...path, key], message) }, code)
  }

  /** An offset in the file of a character of a scalar's value. */
  #offsetIn(node: Scalar, text: unknown, offset: number, interpolated = false): number {
    const [start, end] = node.range ?? [0, 0]
    if (typeof text !== 'string') return start
    const from = interpolated && this.#originals.has(node) ? (origins(text, this.#env)[offset] ?? text.length) : offset
    return scalarOffsets(this.#lines.text, start, end, node.type ?? undefined, text)?.[from] ?? start
  }

  /** The node at `path` or above it, and its place; what is empty has the place of its key. */
  #nearest(path: Path): Found {
    let node = this.#resolved(this.#document.contents)
    let [start, end] = node?.range ?? [0, 0]
    for (const part of path) {
      // Where a list is expected one item may stand for it, so an index may have no list to look into.
      if (typeof part === 'number' && node !== undefined && !isSeq(node)) continue
      const pair = this.#pair(node, String(part))
      const found = isSeq(node) ? node.items[Number(part)] : pair?.value
      if (!isNode(found)) break
      const [from, to] = found.range ?? [0, 0]
      ;[start, end] = to > from || pair === undefined ? [from, to] : (pair.key.range ?? [from, to])
      node = this.#resolved(found)
      if (node !== found && node?.range !== undefined && node.range !== null) [start, end] = node.range
    }
    return { node, start, end }
  }

  /** A message about a list that begins by quoting one entry is about that entry, and one about a name about the name. */
  #entryNamed(code: Problem['code'], node: Node | undefined, message: string): Found | undefined {
    const quoted = /"([^"]*)"/.exec(message)?.[1]
    if (quoted === undefined || node === undefined || !(isSeq(node) || code === 'CONFIG_REFERENCE')) return undefined
    let found: Found | undefined
    visit(node, {
      Scalar: (key, entry) => {
        if (key === 'key' || entry.value !== quoted) return undefined
        const [start, end] = entry.range ?? [0, 0]
        found = { node: entry, start, end }
        return visit.BREAK
      },
    })
    return found
  }

  /** What an alias refers to. */
  #resolved(node: unknown): Node | undefined {
    if (isAlias(node)) return node.resolve(this.#document)
    return isNode(node) ? node : undefined
  }

  #pair(map: Node | undefined, key: string): { key: Scalar; value: unknown } | undefined {
    if (!isMap(map)) return undefined
    for (const item of map.items) {
      if (isPair(item) && isScalar(item.key) && String(item.key.value) === key)
        return { key: item.key, value: item.value }
    }
    return undefined
  }

  #refused({ start, length, message, hint }: Refusal, code: Problem['code'] = 'CONFIG_SYNTAX'): Problem {
    return problem({ code, file: this.file, ...this.#lines.at(start), message, length: Math.max(1, length), hint })
  }
}

function unsetHint(name: string, env: Environment): string {
  const close = suggest(
    name,
    Object.keys(env).filter((other) => other !== name),
  )
  const similar = close === undefined ? '' : ` There is one called ${close}.`
  return `Set ${name}, or give a default: \${${name}:-default}.${similar}`
}

/** A number or truth value that stands in a variable; anything else stays text, whatever YAML would make of it. */
function plainValue(text: string): unknown {
  if (!/^[\w.+-]+$/.test(text)) return text
  const value: unknown = parseDocument(text).toJS()
  return typeof value === 'number' || typeof value === 'boolean' ? value : text
}
