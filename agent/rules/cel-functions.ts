import { hash } from 'node:crypto'
import { type Environment, EvaluationError } from '@marcbachmann/cel-js'
import { assertText, sizeOf, spend } from './cel-limits.ts'
import { IpAddress } from './ip-address.ts'

/** Functions beyond those of cel-js. Those whose argument must be a literal only have their types here: cel-steps.ts. */
export function registerFunctions(environment: Environment): Environment {
  const add = (signature: string, handler: (...args: never[]) => unknown): void => {
    environment.registerFunction(signature, { handler, async: false })
  }
  environment.registerType('IpAddress', { ctor: IpAddress, fields: { text: 'string' } })
  environment.registerOperator('IpAddress == IpAddress', (a: IpAddress, b: IpAddress) => a.equals(b))
  add('ip(string): IpAddress', ipOf)
  add('string(IpAddress): string', (address: IpAddress) => address.text)
  add('inNetwork(string, string): bool', unreachable)
  add('inNetwork(string, list<string>): bool', unreachable)
  add('lower(string): string', lowerAscii)
  add('urlEncode(string): string', urlEncode)
  add('sha256(string): string', (text: string) => hash('sha256', text, 'base64url'))
  add('string.replace(string, string): string', (text: string, from: string, to: string) =>
    replaceText(text, from, to, Number.POSITIVE_INFINITY),
  )
  add('string.replace(string, string, int): string', (text: string, from: string, to: string, limit: bigint) =>
    replaceText(text, from, to, limit < 0n ? Number.POSITIVE_INFINITY : Number(limit)),
  )
  add('string.charAt(int): string', charAt)
  return environment
}

function unreachable(): never {
  throw new EvaluationError('evaluated without having been compiled')
}

function ipOf(text: string): IpAddress {
  const address = IpAddress.parse(text)
  if (address === undefined) throw new EvaluationError('ip() needs an IPv4 or IPv6 address')
  return address
}

/** A to Z only. More would turn the Kelvin sign into `k`, and tear apart UTF-8 in texts that hold bytes. */
export function lowerAscii(text: string): string {
  return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase())
}

export function upperAscii(text: string): string {
  return text.replace(/[a-z]+/g, (letters) => letters.toUpperCase())
}

/** Escapes everything but the unreserved characters of RFC 3986 section 2.3. */
function urlEncode(text: string): string {
  // A character becomes nine at most.
  assertText(text.length)
  spend(text.length * 3)
  let encoded: string
  try {
    encoded = encodeURIComponent(text)
  } catch {
    throw new EvaluationError('urlEncode() needs text that is well-formed Unicode')
  }
  encoded = encoded.replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`)
  assertText(encoded.length)
  return encoded
}

/** Replaces the first `limit` occurrences. The length is known before anything is built. */
function replaceText(text: string, from: string, to: string, limit: number): string {
  if (from === '') throw new EvaluationError('replace() of an empty text')
  // As for cel-steps.ts' searches: hostile texts make the search take the product of the lengths.
  spend(text.length + (text.length * from.length) / 8)
  let found = 0
  for (let at = text.indexOf(from); at >= 0 && found < limit; at = text.indexOf(from, at + from.length)) found++
  if (found === 0) return text
  const length = text.length + found * (to.length - from.length)
  assertText(length)
  spend(length)
  if (!Number.isFinite(limit)) return text.replaceAll(from, () => to)
  let built = ''
  let start = 0
  for (; found > 0; found--) {
    const at = text.indexOf(from, start)
    built += text.slice(start, at) + to
    start = at + from.length
  }
  return built + text.slice(start)
}

/** The lists that `join` puts together. */
export function joinTexts(list: unknown, separator: string): string {
  if (!Array.isArray(list)) throw new EvaluationError('join() needs a list of texts')
  let length = Math.max(0, list.length - 1) * separator.length
  for (const item of list as unknown[]) {
    if (typeof item !== 'string') throw new EvaluationError('join() needs a list of texts')
    length += sizeOf(item)
  }
  assertText(length)
  spend(length + list.length)
  return list.join(separator)
}

function charAt(text: string, index: bigint): string {
  if (index < 0n || index > BigInt(text.length)) throw new EvaluationError('charAt(): index out of range')
  return text.charAt(Number(index))
}
