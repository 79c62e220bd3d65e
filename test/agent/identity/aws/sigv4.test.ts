import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { type HeaderPairs, signQuery } from './support/sigv4.ts'

interface Vector {
  readonly name: string
  readonly target: string
  readonly headers: HeaderPairs
  readonly canonicalRequest?: string
  readonly stringToSign?: string
  readonly signature: string
}

const file = new URL('vectors/sigv4.json', import.meta.url)
const suite = JSON.parse(readFileSync(file, 'utf8')) as { secretAccessKey: string; vectors: Vector[] }

describe("the tests' own SigV4, by which the fake STS judges, agrees with the vectors of AWS", () => {
  it.each(suite.vectors)('$name', ({ target, headers, canonicalRequest, stringToSign, signature }) => {
    const [path = '', query = ''] = target.split('?')
    const unsigned = query.split('&').filter((part) => !part.startsWith('X-Amz-Signature='))
    const parameter = (name: string): string =>
      decodeURIComponent(unsigned.find((part) => part.startsWith(`${name}=`))?.slice(name.length + 1) ?? '')
    const [, ...scope] = parameter('X-Amz-Credential').split('/')
    const signed = signQuery({
      method: 'GET',
      path,
      query: unsigned.join('&'),
      headers,
      signedHeaders: parameter('X-Amz-SignedHeaders').split(';'),
      date: parameter('X-Amz-Date'),
      scope: scope.join('/'),
      secretAccessKey: suite.secretAccessKey,
    })
    if (canonicalRequest !== undefined) expect(signed.canonicalRequest).toBe(canonicalRequest)
    if (stringToSign !== undefined) expect(signed.stringToSign).toBe(stringToSign)
    expect(signed.signature).toBe(signature)
  })
})
