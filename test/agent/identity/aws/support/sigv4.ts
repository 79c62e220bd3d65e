import { createHash, createHmac } from 'node:crypto'

/** Headers in order; a name may come several times. */
export type HeaderPairs = readonly (readonly [name: string, value: string])[]

export interface QueryToSign {
  readonly method: string
  readonly path: string
  /** Parameters as sent, escapes included, without X-Amz-Signature. */
  readonly query: string
  readonly headers: HeaderPairs
  /** Small letters, sorted. */
  readonly signedHeaders: readonly string[]
  readonly date: string
  /** `20150830/us-east-1/sts/aws4_request` */
  readonly scope: string
  readonly secretAccessKey: string
}

/** AWS Signature Version 4 of a request without a body whose signature goes into the query, with every step shown. */
export function signQuery(request: QueryToSign): { canonicalRequest: string; stringToSign: string; signature: string } {
  const { method, path, query, signedHeaders, date, scope } = request
  const headers = signedHeaders.map((name) => `${name}:${canonicalHeader(name, request.headers)}\n`).join('')
  const canonicalRequest = [
    method,
    path,
    canonicalQuery(query),
    headers,
    signedHeaders.join(';'),
    createHash('sha256').digest('hex'),
  ].join('\n')
  const digest = createHash('sha256').update(canonicalRequest).digest('hex')
  const stringToSign = ['AWS4-HMAC-SHA256', date, scope, digest].join('\n')
  let key: string | Buffer = `AWS4${request.secretAccessKey}`
  for (const part of scope.split('/')) key = createHmac('sha256', key).update(part).digest()
  return { canonicalRequest, stringToSign, signature: createHmac('sha256', key).update(stringToSign).digest('hex') }
}

/** Each name and value decoded and escaped again, sorted by bytes. */
function canonicalQuery(query: string): string {
  const pairs = query.split('&').map((part) => {
    const [name = '', value = ''] = part.split('=').map((text) => escaped(decodeURIComponent(text)))
    return [name, value] as const
  })
  return pairs
    .toSorted(([a, x], [b, y]) => Buffer.compare(Buffer.from(`${a}\0${x}`), Buffer.from(`${b}\0${y}`)))
    .map(([name, value]) => `${name}=${value}`)
    .join('&')
}

function canonicalHeader(name: string, headers: HeaderPairs): string {
  return headers
    .filter(([other]) => other.toLowerCase() === name)
    .map(([, value]) => value.trim().replace(/ +/g, ' '))
    .join(',')
}

/** Everything but the unreserved characters of RFC 3986. */
export function escaped(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`)
}
