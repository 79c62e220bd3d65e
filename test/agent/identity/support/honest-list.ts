import { type Battlefield, keys } from './attack-list.ts'
import { rawToken, signToken } from './tokens.ts'

/** A token that must be accepted though it looks odd: how it is called in the reference, what it is, and the token. */
export type Honest = readonly [id: string, what: string, token: () => string]

/** What grants the scopes of those under C19: however they are written, they are the same two. */
export const SCOPES = ['orders:read', 'orders:write'] as const

/** The other half of the attack list: what a verifier must not refuse only because attackers send the like. */
export function honestList({ seconds, claims }: Pick<Battlefield, 'seconds' | 'claims'>): readonly Honest[] {
  const { rsa } = keys
  const of =
    (changes: () => object, header?: object): (() => string) =>
    () =>
      signToken(rsa, claims(changes()), header)
  const withoutKid = Object.values(keys)
    .filter((key) => key !== keys.foreign)
    .map((key): Honest => {
      const header = JSON.stringify({ alg: key.alg })
      return ['K1', `no kid, and one ${key.alg} key`, () => rawToken(key, header, JSON.stringify(claims()))]
    })
  const odd = String.raw`"constructor":{"prototype":{"x":1}},"free":"\ud800","huge":1e999`
  return [
    ...withoutKid,
    ['H8', 'typ JWT', of(() => ({}), { typ: 'JWT' })],
    ['H8', 'typ at+jwt', of(() => ({}), { typ: 'at+jwt' })],
    ['C2', 'exp a fraction', of(() => ({ exp: seconds() + 0.5 }))],
    ['C8', 'nbf as far ahead as clocks may differ', of(() => ({ nbf: seconds() + 60 }))],
    ['C9', 'iat as far ahead as clocks may differ', of(() => ({ iat: seconds() + 60 }))],
    ['C11', 'our audience among others', of(() => ({ aud: ['x', 'orders-api'] }))],
    ['C19', 'scope as a string', of(() => ({ scope: SCOPES.join(' ') }))],
    ['C19', 'scope as an array', of(() => ({ scope: SCOPES }))],
    ['C19', 'scp as a string', of(() => ({ scp: SCOPES.join(' ') }))],
    ['C19', 'scp as an array', of(() => ({ scp: SCOPES }))],
    [
      'C20, C24, C25',
      'odd names, numbers and texts where nobody looks',
      () => rawToken(rsa, '{"alg":"RS256","kid":"rsa"}', `${JSON.stringify(claims()).slice(0, -1)},${odd}}`),
    ],
  ]
}
