/**
 * Paths as rules see them. A rule must match what the server behind HAProxy will see after its own decoding, or
 * `/%61dmin` walks past a rule for `/admin`. So: every percent-encoded character that may stand in a path by itself is
 * decoded (RFC 3986 section 6.2.2.2), repeated slashes count as one, and what servers are known to disagree about is
 * refused, plain or encoded: dot segments, path parameters (`;`), encoded slashes, backslashes, control characters, and
 * broken escapes. Case and a trailing slash do matter, as they do to most servers.
 */
const SUSPECT = /[%;\\\x00-\x1f\x7f]|\/\/|\/\./

/** The path to match rules against; `undefined` when it must not be let through at all. */
export function canonicalPath(path: string): string | undefined {
  if (!path.startsWith('/')) return undefined
  return SUSPECT.test(path) ? canonicalise(path) : path
}

/** pchar of RFC 3986 but the semicolon. */
const PLAIN = /[A-Za-z0-9._~\-!$&'()*+,=:@]/

function canonicalise(path: string): string | undefined {
  if (/%(?![0-9A-Fa-f]{2})/.test(path)) return undefined
  const decoded = path.replace(/%[0-9A-Fa-f]{2}/g, (escape) => {
    const char = String.fromCharCode(Number.parseInt(escape.slice(1), 16))
    // What is refused below is refused however it is written, so those characters are decoded too.
    return PLAIN.test(char) || /[;\\\x00-\x1f\x7f]/.test(char) ? char : escape.toUpperCase()
  })
  if (/[;\\\x00-\x1f\x7f]|%2F/.test(decoded)) return undefined
  const merged = decoded.replace(/\/{2,}/g, '/')
  return /\/\.{1,2}(?:\/|$)/.test(merged) ? undefined : merged
}

export type PathMatcher = (path: string) => boolean

/**
 * Compiles `/healthz` (exact), `/orders/**` (that path and everything below it) and `/orders/{*}/items` with a bare star (one segment,
 * not empty).
 * @returns a matcher, or the reason why the pattern is none
 */
export function compilePath(pattern: string): PathMatcher | string {
  const canonical = canonicalPath(pattern)
  if (canonical !== pattern || /[^\x21-\x7e]|[?#"<>[\]^`{|}]/.test(pattern)) {
    const way = canonical === undefined ? '' : `; write it ${encodeURI(canonical)}`
    return `the pattern can never match: paths are matched in their canonical form, percent-encoded and without query${way}`
  }
  const segments = pattern.split('/').slice(1)
  const wild = segments.findIndex((segment) => segment.includes('*'))
  if (wild === -1) return (path) => path === pattern
  const misplaced = segments.find(
    (segment, i) => segment.includes('*') && segment !== '*' && !(segment === '**' && i === segments.length - 1),
  )
  if (misplaced !== undefined) {
    return `"${misplaced}" is no pattern: "*" stands for one whole segment, "**" for the rest and only at the end`
  }
  const open = segments.at(-1) === '**'
  if (open && wild === segments.length - 1) {
    const base = pattern.slice(0, -3)
    const below = `${base}/`
    return (path) => path.startsWith(below) || path === base
  }
  const fixed = open ? segments.slice(0, -1) : segments
  return (path) => matchSegments(fixed, open, path)
}

function matchSegments(fixed: readonly string[], open: boolean, path: string): boolean {
  let from = 1
  for (const [i, segment] of fixed.entries()) {
    if (from > path.length) return false
    const slash = path.indexOf('/', from)
    const end = slash === -1 ? path.length : slash
    if (segment === '*' ? end === from : path.slice(from, end) !== segment) return false
    if (slash === -1) return i === fixed.length - 1
    from = end + 1
  }
  return open
}
