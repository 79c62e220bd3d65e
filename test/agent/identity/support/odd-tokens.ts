import fc from 'fast-check'
import { b64, signBytes, type TestKey } from './tokens.ts'

/** Members of a JSON object as texts, so that they can be named twice and written in any way. */
type Members = [key: string, value: string][]

/** A token in the making. */
interface Draft {
  readonly header: Members
  readonly payload: Members
  /** Bytes put in front of the payload, or written over it from there on. */
  prefix: Buffer
  patch: Buffer
  /** White space between the tokens of both JSON texts. */
  space: string
  /** Signs instead of the key that the header names. */
  stranger: boolean
}
type Edit = (draft: Draft) => void

export interface OddToken {
  readonly key: number
  readonly alg: number
  readonly edits: readonly Edit[]
  readonly changes: readonly ((token: string) => string)[]
}

const text = (value: unknown): string => JSON.stringify(value)

/** An edit that prints as what it does: fast-check shows it when a property fails. */
function edit(what: string, run: Edit): Edit {
  return Object.assign(run, { [fc.toStringMethod]: () => what })
}

function set(part: 'header' | 'payload', key: string, value: string): Edit {
  return edit(`${part}: ${key} = ${value.slice(0, 80)}`, (draft) => {
    const at = draft[part].findIndex(([name]) => name === `"${key}"`)
    if (at < 0) draft[part].push([`"${key}"`, value])
    else draft[part][at] = [`"${key}"`, value]
  })
}

function add(part: 'header' | 'payload', key: string, value: string, first: boolean): Edit {
  return edit(`${part}: ${key} = ${value.slice(0, 80)} added ${first ? 'in front' : 'behind'}`, (draft) => {
    draft[part].splice(first ? 0 : draft[part].length, 0, [key, value])
  })
}

function drop(part: 'header' | 'payload', key: string): Edit {
  return edit(`${part}: no ${key}`, (draft) => {
    const at = draft[part].findIndex(([name]) => name === `"${key}"`)
    if (at >= 0) draft[part].splice(at, 1)
  })
}

const member = (part: 'header' | 'payload', key: string, ...values: string[]): fc.Arbitrary<Edit> =>
  fc.constantFrom(...values).map((value) => set(part, key, value))

const PRINT = text('x'.repeat(42) + 'A')
const names = [
  '["a","b"]',
  '"a b"',
  '"a  b"',
  '""',
  '[]',
  'null',
  '7',
  '["a",7]',
  '["a b"]',
  '["\\n"]',
  `["${'é'.repeat(129)}"]`,
  '{"a":1}',
  '" a"',
]
const texts = [
  '"user-2"',
  '"\\u00fc"',
  '"ü€😀"',
  '""',
  '7',
  'null',
  '"a\\nb"',
  '" a"',
  '"\\ud800"',
  '["a"]',
  text('x'.repeat(1025)),
  '"a\\u0085"',
]

function dates(nowS: number): fc.Arbitrary<Edit> {
  const near = fc.oneof(fc.integer({ min: -70, max: 70 }), fc.constantFrom(-61, -60, -59, 59, 60, 61, 600, -600))
  const forms = near.chain((ahead) => {
    const at = nowS + ahead
    return fc.constantFrom(`${at}`, `${at}.0`, `${at}.5`, `${at / 10}e1`, `${at}000E-3`, `"${at}"`)
  })
  const odd = fc.constantFrom(
    '1e400',
    '-1e400',
    '-1',
    '0',
    '-0',
    '1099511627776',
    '1099511627777',
    'null',
    'true',
    '[]',
  )
  return fc
    .tuple(fc.constantFrom('exp', 'nbf', 'iat'), fc.oneof(forms, odd))
    .map(([name, value]) => set('payload', name, value))
}

const escapedKey = (key: string): string => `"\\u${key.charCodeAt(0).toString(16).padStart(4, '0')}${key.slice(1)}"`

/** What is signed as it stands. */
function edits(nowS: number): fc.Arbitrary<Edit> {
  const parts = fc.constantFrom('header' as const, 'payload' as const)
  return fc.oneof(
    { weight: 3, arbitrary: dates(nowS) },
    // What no other edit does often enough.
    {
      weight: 3,
      arbitrary: fc.constantFrom(
        drop('payload', 'exp'),
        drop('payload', 'sub'),
        set('payload', 'iat', `${nowS + 600}`),
        set('payload', 'aud', '["orders-api",7]'),
      ),
    },
    fc
      .tuple(parts, fc.constantFrom('alg', 'kid', 'typ', 'iss', 'sub', 'aud', 'exp'))
      .map(([part, key]) => drop(part, key)),
    // The same key once more, in one spelling or the other.
    fc
      .tuple(parts, fc.constantFrom('alg', 'kid', 'iss', 'sub', 'exp', 'free'), fc.boolean(), fc.boolean())
      .chain(([part, key, escaped, first]) =>
        fc
          .constantFrom('"RS256"', '"none"', '1', '"x"')
          .map((value) => add(part, escaped ? escapedKey(key) : `"${key}"`, value, first)),
      ),
    // The same in a claim of its own, which nobody reads.
    fc
      .constantFrom(
        '{"a":1,"a":1}',
        '{"a":1,"\\u0061":2}',
        '[{"a":{"b":1,"b":2}}]',
        '{"a":{"b":1},"b":1}',
        '{"a:":"\\":"}',
        '{"a\\\\b":1}',
        '{"\\"":1}',
      )
      .map((value) => set('payload', 'free', value)),
    fc.jsonValue({ maxDepth: 4 }).map((value) => set('payload', 'free', text(value))),
    fc.constantFrom(14, 15, 16, 30, 900).map((depth) => set('payload', 'deep', '['.repeat(depth) + ']'.repeat(depth))),
    fc.constantFrom('__proto__', 'constructor', 'toString').map((key) => set('payload', key, '{"sub":"root","exp":9}')),
    member(
      'header',
      'typ',
      '"JWT"',
      '"at+jwt"',
      '"application/AT+JWT"',
      '"secevent+jwt"',
      '"dpop+jwt"',
      'null',
      '7',
      '""',
    ),
    member('header', 'cty', '"JWT"', '"application/jwt"', '"json"', '7'),
    member('header', 'kid', '7', 'null', '"other"', text('k'.repeat(1025))),
    member(
      'header',
      'alg',
      '"none"',
      '"HS256"',
      '"RS256"',
      '"PS256"',
      '"ES256"',
      '"EdDSA"',
      '"rs256"',
      '"RS256 "',
      'null',
    ),
    fc
      .constantFrom(
        ['crit', '["exp"]'],
        ['crit', '[]'],
        ['b64', 'false'],
        ['b64', 'true'],
        ['zip', '"DEF"'],
        ['jwk', '{}'],
        ['jku', '"https://evil.example"'],
        ['x5u', '""'],
        ['x5c', '[]'],
        ['x5t', '"x"'],
        ['exp', '1'],
      )
      .map(([key = '', value = '']) => set('header', key, value)),
    member(
      'payload',
      'aud',
      '"orders-api"',
      '["x","orders-api"]',
      '["orders-api",7]',
      '["x"]',
      '[]',
      '"orders"',
      '{"orders-api":1}',
      'null',
    ),
    member('payload', 'iss', '"https://evil.example"', '7', 'null', '[]'),
    member('payload', 'sub', ...texts),
    member('payload', 'tenant', ...texts),
    fc.constantFrom('roles', 'scope', 'scp').chain((key) => member('payload', key, ...names)),
    member(
      'payload',
      'cnf',
      '{}',
      '7',
      'null',
      `{"jkt":${PRINT}}`,
      '{"jkt":"x"}',
      `{"x5t#S256":${PRINT}}`,
      `{"jkt":${PRINT},"kid":"x"}`,
    ),
    fc
      .constantFrom(['nonce', '"x"'], ['at_hash', '"x"'], ['token_use', '"id"'], ['token_use', '"access"'])
      .map(([key = '', value = '']) => set('payload', key, value)),
    fc.constantFrom(' ', '\n', '\t \r\n', '\f', '\u00a0').map((space) =>
      edit(`white space ${text(space)}`, (draft) => {
        draft.space = space
      }),
    ),
    fc.constantFrom('efbbbf', 'fffe', '20').map((hex) =>
      edit(`payload begins with ${hex}`, (draft) => {
        draft.prefix = Buffer.from(hex, 'hex')
      }),
    ),
    fc.constantFrom('ff', 'c0af', 'eda080', 'f4908080', '00').map((hex) =>
      edit(`bytes ${hex} in a string of the payload`, (draft) => {
        draft.patch = Buffer.from(hex, 'hex')
      }),
    ),
    fc.constant(
      edit('signed by a stranger', (draft) => {
        draft.stranger = true
      }),
    ),
  )
}

const CHARACTERS = [...'ABCwxyz019-_+/=., \t\n\0~!'.split(''), '\x7f', '\xe9']

/** What happens to a token after it was signed. */
const change: fc.Arbitrary<(token: string) => string> = fc
  .tuple(
    fc.constantFrom('replace', 'insert', 'delete', 'pad', 'spare bits', 'swap', 'cut', 'zeros', 'double'),
    fc.nat(),
    fc.constantFrom(...CHARACTERS),
  )
  .map(([kind, position, character]) => {
    const run = (token: string): string => {
      const at = position % token.length
      const segments = token.split('.')
      const which = position % segments.length
      const segment = segments[which] ?? ''
      switch (kind) {
        case 'replace':
          return token.slice(0, at) + character + token.slice(at + 1)
        case 'insert':
          return token.slice(0, at) + character + token.slice(at)
        case 'delete':
          return token.slice(0, at) + token.slice(at + 1)
        case 'pad':
          segments[which] = segment + '='.repeat((4 - (segment.length % 4)) % 4)
          break
        case 'spare bits':
          segments[which] = segment.slice(0, -1) + String.fromCharCode(segment.charCodeAt(segment.length - 1) + 1)
          break
        case 'swap':
          segments.reverse()
          break
        case 'cut':
          segments[2] = (segments[2] ?? '').slice(0, -(position % 8) - 1)
          break
        case 'zeros':
          segments[2] = 'A'.repeat((segments[2] ?? '').length)
          break
        default:
          segments.push(segment)
      }
      return segments.join('.')
    }
    return Object.assign(run, { [fc.toStringMethod]: () => `${kind} at ${position} ${text(character)}` })
  })

/** Tokens of every algorithm, most of them odd in one way, some in two or three. */
export function oddTokens(keys: number, nowS: number): fc.Arbitrary<OddToken> {
  const some = fc.oneof(
    { weight: 4, arbitrary: fc.tuple(fc.array(edits(nowS), { minLength: 1, maxLength: 1 }), fc.constant([])) },
    { weight: 2, arbitrary: fc.tuple(fc.array(edits(nowS), { maxLength: 3 }), fc.constant([])) },
    { weight: 2, arbitrary: fc.tuple(fc.constant([]), fc.array(change, { minLength: 1, maxLength: 1 })) },
    { weight: 1, arbitrary: fc.tuple(fc.array(edits(nowS), { maxLength: 2 }), fc.array(change, { maxLength: 2 })) },
  )
  return fc
    .tuple(fc.nat(keys - 1), fc.nat(), some)
    .map(([key, alg, [its, changes]]) => ({ key, alg, edits: its, changes }))
}

/** Builds it: `claims` are those of a good token. */
export function build(
  { edits: its, changes }: OddToken,
  key: TestKey,
  alg: string,
  stranger: TestKey,
  claims: object,
): string {
  const members = (object: object): Members => Object.entries(object).map(([name, value]) => [text(name), text(value)])
  const draft: Draft = {
    header: members({ alg, kid: key.kid }),
    payload: members({ ...claims, note: '????' }),
    prefix: Buffer.alloc(0),
    patch: Buffer.alloc(0),
    space: '',
    stranger: false,
  }
  for (const one of its) one(draft)
  const { space, prefix, patch } = draft
  const render = (parts: Members): string =>
    `{${parts.map(([name, value]) => [name, ':', value].join(space)).join(`,${space}`)}${space}}`
  const payload = Buffer.concat([prefix, Buffer.from(render(draft.payload))])
  const mark = payload.indexOf('????')
  if (mark >= 0) patch.copy(payload, mark)
  const input = `${b64(render(draft.header))}.${b64(payload)}`
  const signature = signBytes(alg, (draft.stranger ? stranger : key).privateKey, input)
  return changes.reduce((token, run) => run(token), `${input}.${b64(signature)}`)
}
