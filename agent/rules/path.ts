/**
 * Paths as rules see them. A rule must match what the server behind HAProxy will see after its own decoding, or
 * `/%61dmin` walks past a rule for `/admin`. So: every percent-encoded character that may stand in a path by itself is
 * decoded (RFC 3986 section 6.2.2.2), every other one is encoded (HAProxy lets `|` and its like pass, over HTTP/2 bytes
 * from 0x80 on too), repeated slashes count as one, and what servers are known to disagree about is refused, plain or
 * encoded: dot segments, path parameters (`;`), encoded slashes, backslashes, control characters, and broken escapes. So
 * is a plain `#`. Case and a trailing slash do matter, as they do to most servers.
 */
const SUSPECT = /[^A-Za-z0-9._~\-!$&'()*+,=:@/]|\/\/|\/\./

/**
 * The path to match rules against; `undefined` when it must not be let through at all.
 * @param path a character for each byte, as latin1 has it
 */
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
  if (/[;#\\\x00-\x1f\x7f]|%2F/.test(decoded)) return undefined
  const encoded = decoded.replace(/[^A-Za-z0-9._~\-!$&'()*+,=:@/%]/g, encode)
  const merged = encoded.replace(/\/{2,}/g, '/')
  return /\/\.{1,2}(?:\/|$)/.test(merged) ? undefined : merged
}

/** A byte: requests come as latin1. */
function encode(char: string): string {
  return `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`
}
