import { hash } from 'node:crypto'
import { scrub } from '../audit/scrub.ts'
import type { AgentConfig } from '../config/schema.ts'
import type { Needs } from '../identity/scheme.ts'
import { digestText, tokenDigest } from '../identity/token-digest.ts'
import { queryParameters } from '../rules/query.ts'
import type { AskedRequest } from './question.ts'

/** Names of fields and parameters that hold credentials wherever they occur. */
const SECRET_NAME =
  /auth|cookie|token|secret|passw|api-?_?key|signature|credential|session|assertion|dpop|jwt|^(?:code|sig|key|state)$/i

/** A text that short may stand anywhere by chance, and its digest would be found by trying. */
const SHORT = 16

/** Longer than any text that is printed. */
const MAX_TEXT = 4096

/**
 * Keeps credentials out of what is printed: what the request shows as one is known by its place, and leaves as its
 * SHA-256, which is what audit records and lists of revocations know it by.
 */
export class Secrets {
  /** What must not be printed, the longest first. */
  readonly #texts: readonly (readonly [text: string, shown: string])[]
  readonly #names: ReadonlySet<string>

  /** @param needs of the authenticator: fields that providers look at */
  constructor(request: AskedRequest, config: AgentConfig, needs: Needs) {
    this.#names = new Set([...needs.headers, ...needs.bodyHeaders, ...queryNames(config.identity)])
    const found = new Map<string, string>()
    const add = (text: string): void => {
      if (text.length >= SHORT) found.set(text, digestOf(text))
    }
    for (const [name, value] of request.headers) {
      if (!this.isSecretName(name)) continue
      for (const text of [value, ...partsOf(value)]) add(text)
    }
    for (const part of request.query.split('&')) {
      const [name = '', ...rest] = part.split('=')
      const value = rest.join('=')
      const decoded = [...queryParameters(part).entries()][0]
      if (!this.isSecretName(name) && !this.isSecretName(decoded?.[0] ?? '')) continue
      for (const text of [value, decoded?.[1] ?? '', ...partsOf(value)]) add(text)
    }
    // The signature alone is as secret as the token.
    this.#texts = [...found].sort(([a], [b]) => b.length - a.length)
  }

  /** Whether what goes by this name is never printed. */
  isSecretName(name: string): boolean {
    return this.#names.has(name.toLowerCase()) || this.#names.has(name) || SECRET_NAME.test(name)
  }

  /** A value that goes by a name. */
  valueOf(name: string, value: string): string {
    return this.isSecretName(name) ? digestOf(value) : this.clean(value)
  }

  /** A text without credentials, and without what a terminal would obey. */
  clean(text: string): string {
    let clean = text
    for (const [secret, shown] of this.#texts) clean = clean.replaceAll(secret, shown)
    // As HAProxy's log has it: other bytes than those of the terminal's own alphabet would be obeyed.
    return scrub(clean, MAX_TEXT).replaceAll(/[\x00-\x08\x0a-\x1f\x7f-\x9f]/g, '\ufffd')
  }

  /** {@link clean} for every text within a value. */
  cleanAll<T>(value: T): T {
    if (typeof value === 'string') return this.clean(value) as T
    if (Array.isArray(value)) return value.map((one: unknown) => this.cleanAll(one)) as T
    if (typeof value !== 'object' || value === null) return value
    const entries = Object.entries(value).map(([name, member]: [string, unknown]) => [
      this.clean(name),
      this.cleanAll(member),
    ])
    return Object.fromEntries(entries) as T
  }
}

/** What stands for a credential in all that is printed. */
export function digestOf(text: string): string {
  return text.length < SHORT ? `[${text.length} characters]` : `sha256:${digestText(tokenDigest(text))}`
}

/** By which a certificate is known in lists of revocations. */
export function certificateDigest(der: Uint8Array): string {
  return `sha256:${hash('sha256', der, 'base64url')}`
}

/** What of a field is a credential by itself: behind the scheme, between commas and semicolons, behind `name=`. */
function partsOf(value: string): string[] {
  const words = value.split(/[\s,;]+/)
  const values = words.flatMap((word) => [word, word.slice(word.indexOf('=') + 1), word.replace(/^[^=]*="?|"$/g, '')])
  const basic = words.flatMap((word) => decodedPair(word))
  return [...values, ...values.flatMap((text) => text.split('.')), ...basic]
}

/** `name:password` of Basic, and its password. */
function decodedPair(word: string): string[] {
  if (!/^[A-Za-z0-9+/]{8,}={0,2}$/.test(word)) return []
  const text = Buffer.from(word, 'base64').toString('latin1')
  return /^[\x20-\x7e]+:[\x20-\x7e]+$/.test(text) ? [text, text.slice(text.indexOf(':') + 1)] : []
}

/** Parameters that providers read a token from. */
export function queryNames(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return []
  if ('in' in value && value.in === 'query' && 'name' in value) return [String(value.name)]
  return Object.values(value).flatMap(queryNames)
}
