/** A URL of a test, taken apart as it is written: nothing is decoded or resolved, because that is what rules are about. */
export interface Target {
  /** Empty for a URL that begins with its path. */
  readonly host: string
  readonly path: string
  readonly query: string
  readonly tls: boolean
}

const URL_FORM = /^(?:(https?):\/\/([^/?#\s]+))?(\/[^?#\s]*)?(?:\?([^#\s]*))?$/

/** What is wrong with a URL that {@link parseTarget} does not take. */
export const URL_EXPECTED = 'expected a URL with http or https, or a path that begins with "/"'

/** @returns undefined for what is no URL, such as one without a path and a host */
export function parseTarget(url: string): Target | undefined {
  const match = URL_FORM.exec(url)
  if (match === null) return undefined
  const [, scheme, host = '', path, query = ''] = match
  if (scheme === undefined && path === undefined) return undefined
  return { host: wire(host), path: wire(path ?? '/'), query: wire(query), tls: scheme !== 'http' }
}

const REQUEST_LINE = /^([A-Z]+) (\S+)$/

/** `POST https://api.example.com/orders/7`; undefined for anything else. */
export function parseRequestLine(line: string): { method: string; url: string } | undefined {
  const [, method, url] = REQUEST_LINE.exec(line) ?? []
  return method === undefined || url === undefined || parseTarget(url) === undefined ? undefined : { method, url }
}

/** As the agent gets it: one character for each byte of UTF-8. */
export function wire(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1')
}
