/**
 * Paths as rules see them. A rule must match what the server behind HAProxy will see after its own decoding, or
 * `/%61dmin` walks past a rule for `/admin`. So: percent-encoded unreserved characters are decoded (RFC 3986 section
 * 6.2.2.2, equivalent by definition), repeated slashes count as one, and what servers are known to disagree about is
 * refused: dot segments, backslashes and control characters, plain or encoded, and broken escapes.
 */
const SUSPECT = /%|\/\/|\/\.|\\|[\x00-\x1f\x7f]/

/** The path to match rules against; `undefined` when it must not be let through at all. */
export function canonicalPath(path: string): string | undefined {
  if (!path.startsWith('/')) return undefined
  return SUSPECT.test(path) ? canonicalise(path) : path
}

function canonicalise(path: string): string | undefined {
  if (/%(?![0-9A-Fa-f]{2})/.test(path)) return undefined
  const decoded = path.replace(/%[0-9A-Fa-f]{2}/g, (escape) => {
    const char = String.fromCharCode(Number.parseInt(escape.slice(1), 16))
    if (/[A-Za-z0-9._~-]/.test(char)) return char
    // A backslash or a control character stays dangerous however it is written: decoded, the test below finds it.
    return /[\\\x00-\x1f\x7f]/.test(char) ? char : escape.toUpperCase()
  })
  if (/[\\\x00-\x1f\x7f]/.test(decoded)) return undefined
  const merged = decoded.replace(/\/{2,}/g, '/')
  // An encoded slash in front of dots is a dot segment to a server that decodes before it resolves.
  return /(?:^|\/|%2F)\.{1,2}(?:\/|%2F|;|$)/.test(merged) ? undefined : merged
}

export type PathMatcher = (path: string) => boolean

/**
 * Compiles `/healthz` (exact), `/orders/**` (that path and everything below it) and `/orders/{*}/items` with a bare star (one segment,
 * not empty).
 * @returns a matcher, or the reason why the pattern is none
 */
export function compilePath(pattern: string): PathMatcher | string {
  if (canonicalPath(pattern) !== pattern) {
    return 'the pattern can never match: paths are matched after percent-decoding and without "//" and dot segments'
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
