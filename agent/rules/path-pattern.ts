import { canonicalPath } from './path.ts'

/** One part of a pattern between slashes: text to be met exactly, or any one segment that is not empty. */
export type Segment =
  | { readonly kind: 'literal'; readonly text: string }
  | { readonly kind: 'one'; readonly name: string | undefined }

/** Which canonical paths a rule takes, and what it calls their parts. */
export interface PathPattern {
  /** As written. */
  readonly pattern: string
  /** Names in the order of their places. */
  readonly captures: readonly string[]
  /** Without the `**` or `{name...}` at the end. */
  readonly segments: readonly Segment[]
  /** Whether everything below the segments matches too. */
  readonly open: boolean
  matches(path: string): boolean
  /**
   * Writes the named parts of the path as they stand in it, so percent-encoded where not plain. The rest of `/files/{rest...}` is
   * what follows the slash, and '' for `/files` itself.
   * @param path one that matches; of another it would write nonsense
   */
  capture(path: string, into: Record<string, string>): void
}

const CAPTURE = /^\{([a-z][a-z0-9_]{0,31})(\.\.\.)?\}$/
const NEVER = 'the pattern can never match'

/**
 * Compiles `/healthz` (exact), `/orders/{id}` (one segment, not empty; without a name `*`) and `/files/{rest...}` (that
 * path and everything below it; without a name `**`).
 * @returns the pattern, or the reason why it is none
 */
export function compilePathPattern(pattern: string): PathPattern | string {
  const texts = withoutQuery(pattern).split('/').slice(1)
  const problem = places(texts) ?? spelling(pattern)
  if (problem !== undefined) return problem
  const last = texts.at(-1) ?? ''
  const rest = CAPTURE.exec(last)
  const open = last === '**' || rest?.[2] !== undefined
  const segments = (open ? texts.slice(0, -1) : texts).map(segmentOf)
  return new CompiledPattern(pattern, segments, open, open ? rest?.[1] : undefined)
}

function segmentOf(text: string): Segment {
  if (text === '*') return { kind: 'one', name: undefined }
  const name = CAPTURE.exec(text)?.[1]
  return name === undefined ? { kind: 'literal', text } : { kind: 'one', name }
}

/** Stands for a name in braces while the rest is compared: plain characters, which nobody writes so. */
const MASK = '~capture~'
const MASKED = /~capture~(\d+)~/g

/** What keeps the text from being a canonical path. Braces are looked at elsewhere. */
function spelling(pattern: string): string | undefined {
  if (!pattern.startsWith('/')) return `${NEVER}: a path begins with "/"`
  const names: string[] = []
  const masked = withoutQuery(pattern).replace(/\{[^{}/]*\}/g, (capture) => `${MASK}${names.push(capture) - 1}~`)
  // Typed text is UTF-8 on the wire; requests are told by their bytes.
  const canonical = canonicalPath(Buffer.from(masked.toWellFormed()).toString('latin1'))
  if (canonical === undefined) {
    const what = 'dot segments, ";", "\\", encoded slashes, control characters or broken escapes'
    return `${NEVER}: requests with ${what} are refused`
  }
  const written = canonical.replaceAll(MASKED, (_, index: string) => names[Number(index)] ?? '')
  if (written === pattern) return undefined
  return `${NEVER}: paths are matched in their canonical form, percent-encoded and without query; write it ${written}`
}

/** A question mark in braces is no query, but a mistake in a name. */
function withoutQuery(pattern: string): string {
  const query = pattern.search(/[?#](?![^{]*\})/)
  return query === -1 ? pattern : pattern.slice(0, query)
}

/** What is wrong with stars and names. */
function places(texts: readonly string[]): string | undefined {
  const names = new Set<string>()
  for (const [i, text] of texts.entries()) {
    const isLast = i === texts.length - 1
    if (/[{}]/.test(text)) {
      const [, name, rest] = CAPTURE.exec(text) ?? []
      if (name === undefined) return misnamed(text)
      if (rest !== undefined && !isLast)
        return `"${text}" stands for the rest of the path, so only at the end; write {${name}}`
      if (names.has(name)) return `two segments are called "${name}"; give each its own name`
      names.add(name)
    } else if (text.includes('*') && text !== '*' && !(text === '**' && isLast)) {
      return `"${text}" is no pattern: "*" stands for one whole segment, "**" for the rest and only at the end`
    }
  }
  return undefined
}

function misnamed(text: string): string {
  if (/^\{[^{}]*\}$/.test(text)) {
    return (
      `"${text}" is no name: write {id} for one segment or {rest...} for the rest, in small letters, digits and "_", ` +
      'a letter first, at most 32 characters; what the text must look like goes into pathRegex'
    )
  }
  return (
    `"${text}" is no pattern: a name in braces stands for one whole segment, as in /orders/{id}; ` +
    'write a brace itself as %7B or %7D, and match parts of a segment with pathRegex'
  )
}

class CompiledPattern implements PathPattern {
  readonly pattern: string
  readonly captures: readonly string[]
  readonly segments: readonly Segment[]
  readonly open: boolean
  readonly #rest: string | undefined
  /** The path without variable parts; `undefined` if there are some. */
  readonly #fixed: string | undefined
  readonly #below: string

  constructor(pattern: string, segments: readonly Segment[], open: boolean, rest: string | undefined) {
    this.pattern = pattern
    this.segments = segments
    this.open = open
    this.#rest = rest
    const names = segments.map((segment) => (segment.kind === 'one' ? segment.name : undefined))
    this.captures = [...names, rest].filter((name) => name !== undefined)
    const texts = segments.flatMap((segment) => (segment.kind === 'literal' ? [segment.text] : []))
    this.#below = `/${texts.map((text) => `${text}/`).join('')}`
    this.#fixed = texts.length === segments.length ? `/${texts.join('/')}` : undefined
  }

  matches(path: string): boolean {
    if (this.#fixed === undefined) return path.startsWith('/') && this.#matchSegments(path)
    return path === this.#fixed || (this.open && path.startsWith(this.#below))
  }

  #matchSegments(path: string): boolean {
    const { segments } = this
    let from = 1
    for (let i = 0; i < segments.length; i++) {
      const segment = segments[i] as Segment
      const slash = path.indexOf('/', from)
      const end = slash === -1 ? path.length : slash
      const fits =
        segment.kind === 'one' ? end > from : end - from === segment.text.length && path.startsWith(segment.text, from)
      if (!fits) return false
      if (slash === -1) return i === segments.length - 1
      from = end + 1
    }
    return this.open
  }

  capture(path: string, into: Record<string, string>): void {
    if (this.captures.length === 0) return
    let from = 1
    for (const segment of this.segments) {
      const slash = path.indexOf('/', from)
      const end = slash === -1 ? path.length : slash
      if (segment.kind === 'one' && segment.name !== undefined) into[segment.name] = path.slice(from, end)
      from = end + 1
    }
    if (this.#rest !== undefined) into[this.#rest] = path.slice(from)
  }
}
