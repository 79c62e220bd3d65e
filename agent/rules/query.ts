/** Parameters of one query; more are an error of whoever sent them. */
const MAX_PARAMETERS = 1000

/**
 * The parameters of a query, percent-decoded; `null` for one that stands there with different values, or behind a
 * semicolon. Names and values
 * are UTF-8 where the bytes are, else latin1; `+` is a blank, as forms write it. What is no escape stays as it is.
 * @throws {RangeError} there are more than 1,000
 */
export function queryParameters(query: string): ReadonlyMap<string, string | null> {
  const parameters = new Map<string, string | null>()
  let start = 0
  let count = 0
  while (start < query.length) {
    const next = query.indexOf('&', start)
    const end = next < 0 ? query.length : next
    if (end > start) {
      if (++count > MAX_PARAMETERS) throw new RangeError(`the query has more than ${MAX_PARAMETERS} parameters`)
      const found = query.indexOf('=', start)
      const equals = found < 0 || found > end ? end : found
      const name = decode(query.slice(start, equals))
      const value = decode(query.slice(equals + 1, end))
      const known = parameters.get(name)
      parameters.set(name, known === undefined || known === value ? value : null)
      if (query.slice(start, end).includes(';')) hide(parameters, query.slice(start, end))
    }
    start = end + 1
  }
  return parameters
}

/** Some servers end a parameter at a semicolon too: what they would see there has more than one meaning. */
function hide(parameters: Map<string, string | null>, part: string): void {
  for (const piece of part.split(';')) {
    const equals = piece.indexOf('=')
    const name = decode(equals < 0 ? piece : piece.slice(0, equals))
    if (name !== '') parameters.set(name, null)
  }
}

const ENCODED = /[%+\x80-\xff]/

function decode(text: string): string {
  if (!ENCODED.test(text)) return text
  const bytes = text
    .replaceAll('+', ' ')
    .replace(/%([0-9a-f]{2})/gi, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)))
  try {
    return utf8.decode(Buffer.from(bytes, 'latin1'))
  } catch {
    return bytes
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
