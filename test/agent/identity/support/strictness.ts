import { isUtf8 } from 'node:buffer'

/** One way in which we are stricter than jose, and how it ends. */
interface Strictness {
  readonly name: string
  readonly reason: string
  /** jose refuses it as well. */
  readonly shared?: true
  applies(token: Taken): boolean
}

/** A token taken apart as leniently as jose does it. */
interface Taken {
  readonly segments: readonly string[]
  readonly bytes: readonly Buffer[]
  readonly texts: readonly string[]
  readonly header: Readonly<Record<string, unknown>>
  readonly payload: Readonly<Record<string, unknown>>
  readonly nowS: number
  readonly skewS: number
}

const CANONICAL = /^(?:[\w-]{4})*(?:[\w-]{4}|[\w-][AQgw]|[\w-]{2}[AEIMQUYcgkosw048])$/
const has = (object: object, ...names: string[]): boolean => names.some((name) => Object.hasOwn(object, name))
const mediaType = (value: string): string => value.toLowerCase().replace(/^application\//, '')
const isDate = (value: unknown): boolean => typeof value === 'number' && value >= 0 && value <= 2 ** 40
const isText = (value: unknown, maxBytes: number): boolean =>
  typeof value === 'string' &&
  value.isWellFormed() &&
  value.trim() === value &&
  !/\p{Cc}/u.test(value) &&
  Buffer.byteLength(value) <= maxBytes
const areNames = (value: unknown, separator: RegExp | undefined): boolean => {
  if (value === undefined || value === null) return true
  const list: unknown = typeof value === 'string' ? (separator === undefined ? [value] : value.split(separator)) : value
  return Array.isArray(list) && list.every((name) => isText(name, 256))
}

/** Section by section what the docs promise beyond the RFCs; each is computed from the token alone. */
export const STRICTNESS: readonly Strictness[] = [
  {
    name: 'a segment in another spelling: spare bits, padding, white space',
    reason: 'malformed_token',
    applies: ({ segments }) => segments.some((segment) => !CANONICAL.test(segment)),
  },
  {
    name: 'header or payload is no UTF-8',
    reason: 'malformed_token',
    shared: true,
    applies: ({ bytes }) => bytes.some((one) => !isUtf8(one)),
  },
  {
    name: 'a byte order mark',
    reason: 'malformed_token',
    applies: ({ texts }) => texts.some((text) => text.startsWith('\ufeff')),
  },
  {
    name: 'a key named twice',
    reason: 'malformed_token',
    applies: ({ texts }) => texts.some((text) => look(text).duplicates),
  },
  {
    name: 'a key that cannot be written without an escape',
    reason: 'malformed_token',
    applies: ({ texts }) => texts.some((text) => look(text).unwritable),
  },
  {
    name: 'nested deeper than 16',
    reason: 'malformed_token',
    applies: ({ texts }) => texts.some((text) => look(text).depth > 16),
  },
  {
    name: 'a header parameter that chooses the key or changes what is signed',
    reason: 'malformed_token',
    applies: ({ header }) => has(header, 'crit', 'b64', 'zip', 'jwk', 'jku', 'x5u', 'x5c'),
  },
  {
    name: 'kid, typ or cty is no string, kid is over 1024 characters, or a token lies inside',
    reason: 'malformed_token',
    applies: ({ header: { kid, typ, cty } }) =>
      [kid, typ, cty].some((value) => value !== undefined && typeof value !== 'string') ||
      (typeof kid === 'string' && kid.length > 1024) ||
      (typeof cty === 'string' && mediaType(cty) === 'jwt'),
  },
  {
    name: 'typ of another kind of token, or the claims of an ID token',
    reason: 'typ_mismatch',
    applies: ({ header: { typ }, payload }) =>
      (typeof typ === 'string' && !['jwt', 'at+jwt'].includes(mediaType(typ))) ||
      has(payload, 'nonce', 'at_hash', 'c_hash') ||
      payload['token_use'] === 'id',
  },
  { name: 'no exp', reason: 'claim_missing', applies: ({ payload }) => !has(payload, 'exp') },
  {
    name: 'a date before 1970 or beyond reason',
    reason: 'claim_invalid',
    applies: ({ payload }) => ['exp', 'nbf', 'iat'].some((name) => has(payload, name) && !isDate(payload[name])),
  },
  {
    name: 'iat in the future',
    reason: 'issued_in_future',
    applies: ({ payload: { iat }, nowS, skewS }) => typeof iat === 'number' && iat > nowS + skewS,
  },
  {
    name: 'aud holds something else beside strings',
    reason: 'claim_invalid',
    applies: ({ payload: { aud } }) => Array.isArray(aud) && !aud.every((one) => typeof one === 'string'),
  },
  {
    name: 'no sub, or an empty one',
    reason: 'claim_missing',
    applies: ({ payload }) => !has(payload, 'sub') || payload['sub'] === '',
  },
  {
    name: 'sub, tenant, roles or scopes that no header could carry',
    reason: 'claim_invalid',
    applies: ({ payload: { sub, tenant, roles, scope, scp } }) =>
      (sub !== undefined && sub !== '' && !isText(sub, 1024)) ||
      !(tenant === undefined || tenant === null || Number.isSafeInteger(tenant) || isText(tenant, 256)) ||
      !areNames(roles, undefined) ||
      ![scope, scp].every((value) => areNames(value, / +/)),
  },
  {
    name: 'bound in a way that is not known',
    reason: 'binding_missing',
    applies: ({ payload }) => {
      const { cnf } = payload
      if (!has(payload, 'cnf')) return false
      if (typeof cnf !== 'object' || cnf === null || Array.isArray(cnf)) return true
      const names = Object.keys(cnf)
      return names.length === 0 || names.some((name) => name !== 'jkt' && name !== 'x5t#S256')
    },
  },
  {
    name: 'bound to what is no thumbprint',
    reason: 'claim_invalid',
    applies: ({ payload: { cnf } }) =>
      typeof cnf === 'object' &&
      cnf !== null &&
      Object.values(cnf).some((value) => typeof value !== 'string' || value.length !== 43 || !CANONICAL.test(value)),
  },
]

/** The rules that a token breaks of {@link STRICTNESS}; of a token that nobody can read, none. */
export function brokenRules(token: string, nowS: number, skewS: number): Strictness[] {
  const segments = token.split('.')
  const bytes = segments.slice(0, 2).map((segment) => Buffer.from(segment, 'base64url'))
  const texts = bytes.map((one) => one.toString('utf8'))
  try {
    const [header, payload] = texts.map((text) => JSON.parse(text.replace(/^\ufeff/, '')) as Taken['header'])
    if (header === undefined || payload === undefined) return []
    const taken = { segments, bytes, texts, header, payload, nowS, skewS }
    return STRICTNESS.filter((rule) => rule.applies(taken))
  } catch {
    return []
  }
}

interface Look {
  readonly duplicates: boolean
  readonly unwritable: boolean
  readonly depth: number
}

/**
 * Whether an object of a valid JSON text names a key twice, or one that needs an escape, and how deep it nests: token by
 * token, unlike the agent.
 */
function look(text: string): Look {
  const tokens = text.match(/"(?:[^"\\]|\\.)*"|[{}[\]:,]|[^\s{}[\]:,"]+/g) ?? []
  const open: string[][] = []
  let [duplicates, unwritable, depth] = [false, false, 0]
  for (const [i, token] of tokens.entries()) {
    if (token === '{' || token === '[') depth = Math.max(depth, open.push([]))
    else if (token === '}' || token === ']') open.pop()
    else if (token.startsWith('"') && tokens[i + 1] === ':') {
      const key = JSON.parse(token) as string
      const keys = open.at(-1) ?? []
      duplicates ||= keys.includes(key)
      unwritable ||= JSON.stringify(key).includes('\\')
      keys.push(key)
    }
  }
  return { duplicates, unwritable, depth }
}
