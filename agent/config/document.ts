import {
  type Document,
  isCollection,
  isMap,
  isNode,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
  Scalar,
  visit,
} from 'yaml'
import { type Environment, interpolate } from './env.ts'
import { problem, type Problem } from './problem.ts'

export type Path = readonly PropertyKey[]

/** A YAML file that remembers where everything stands in it. */
export class ConfigDocument {
  readonly file: string
  readonly #lines: readonly string[]
  readonly #document: Document
  readonly #counter = new LineCounter()

  constructor(file: string, text: string) {
    this.file = file
    this.#lines = text.split(/\r?\n/)
    // Merge keys and custom tags stay off: a reader of the file sees all that it says.
    this.#document = parseDocument(text, {
      lineCounter: this.#counter,
      uniqueKeys: true,
      strict: true,
      prettyErrors: false,
    })
  }

  /** What YAML itself refuses: syntax, duplicate keys. */
  syntaxProblems(): Problem[] {
    return this.#document.errors.map((error) => {
      const [start, end] = error.pos
      const line = this.#lines[this.#counter.linePos(start).line - 1] ?? ''
      const hint = /[[{,][^"']*\$\{/.test(line)
        ? 'Inside { } and [ ] an environment reference has to be quoted: "${NAME}".'
        : undefined
      return this.#at('CONFIG_SYNTAX', error.message, start, end - start, hint)
    })
  }

  /** Replaces `${NAME}` in every value, in place, and reports what could not be replaced. */
  interpolate(env: Environment): Problem[] {
    const problems: Problem[] = []
    visit(this.#document, {
      Scalar: (key, node) => {
        if (key === 'key' || typeof node.value !== 'string') return
        const result = interpolate(node.value, env)
        if (result.ok) {
          if (result.value === node.value) return
          // An unquoted value takes the type it would have had if it had been written out: a number stays a number.
          node.value = node.type === Scalar.PLAIN ? plainValue(result.value) : result.value
          return
        }
        const message =
          result.kind === 'unset' ? `environment variable ${result.name} is not set` : '"${" without a name and a "}"'
        const quote = node.type === Scalar.PLAIN ? 0 : 1
        const start = (node.range?.[0] ?? 0) + quote + result.offset
        problems.push(
          this.#at(result.kind === 'unset' ? 'CONFIG_ENV_UNSET' : 'CONFIG_ENV_SYNTAX', message, start, result.length),
        )
      },
    })
    return problems
  }

  /** The file's content as plain values. */
  toJS(): unknown {
    return this.#document.toJS({ maxAliasCount: 100 })
  }

  /** A problem at the value that stands at `path`, or at its nearest parent where there is none. */
  atValue(
    code: Problem['code'],
    path: Path,
    message: string,
    extra: { hint?: string; offset?: number; length?: number } = {},
  ): Problem {
    const node = this.#nearest(path)
    const [start, end] = node?.range ?? [0, 0]
    // Inside a quoted scalar the text starts one character later, which matters for places inside an expression.
    const quoted = isScalar(node) && (node.type === Scalar.QUOTE_DOUBLE || node.type === Scalar.QUOTE_SINGLE) ? 1 : 0
    const offset = extra.offset === undefined ? 0 : extra.offset + quoted
    const length = extra.length ?? (isScalar(node) ? end - start : 1)
    return this.#at(code, message, start + offset, length, extra.hint)
  }

  /** A problem at the key `key` of the mapping at `path`. */
  atKey(code: Problem['code'], path: Path, key: string, message: string, hint?: string): Problem {
    const map = this.#node(path)
    const pair = isMap(map)
      ? map.items.find((item) => isPair(item) && isScalar(item.key) && item.key.value === key)
      : undefined
    const range = pair !== undefined && isNode(pair.key) ? pair.key.range : undefined
    return this.#at(code, message, range?.[0] ?? 0, key.length, hint)
  }

  #node(path: Path): Node | undefined {
    let found: unknown = this.#document.contents
    for (const key of path) {
      // Where a list is expected one item may stand for it, so an index may have no list to look into.
      if (typeof key === 'number' && isNode(found) && !isSeq(found)) continue
      found = isCollection(found) ? found.get(key, true) : undefined
    }
    return isNode(found) ? found : undefined
  }

  #nearest(path: Path): Node | undefined {
    for (let depth = path.length; depth >= 0; depth--) {
      const node = this.#node(path.slice(0, depth))
      if (node !== undefined) return node
    }
    return undefined
  }

  #at(code: Problem['code'], message: string, offset: number, length: number, hint?: string): Problem {
    const { line, col } = this.#counter.linePos(offset)
    const source = this.#lines[line - 1] ?? ''
    return problem({
      code,
      file: this.file,
      line,
      column: col,
      message,
      source,
      length,
      ...(hint !== undefined && { hint }),
    })
  }
}

function plainValue(text: string): unknown {
  const value: unknown = parseDocument(text).toJS()
  return typeof value === 'number' || typeof value === 'boolean' ? value : text
}
