import { describe, expect, it } from 'vitest'
import { MAX_DEPTH, MAX_ITEMS, MAX_LOOP, MAX_NODES, MAX_SOURCE, MAX_TEXT } from '../../../agent/rules/cel-limits.ts'
import { compiled, evaluate, factsOf, refused } from './cel-support.ts'

const LONG = 'a'.repeat(16_000)

/** Binds a text, then what `next` makes of it, and so on. */
function chain(first: string, next: (name: string) => string, levels: number, last: (name: string) => string): string {
  let source = last(`x${levels}`)
  for (let i = levels; i > 0; i--) source = `cel.bind(x${i}, ${next(`x${i - 1}`)}, ${source})`
  return `cel.bind(x0, ${first}, ${source})`
}

describe('an expression that is too large is refused at load', () => {
  it.each([
    ['characters', `"${'a'.repeat(MAX_SOURCE)}"`, `${MAX_SOURCE} are the most`],
    ['parts', `[${Array.from({ length: 3 }, () => `[${Array(900).fill('1').join()}]`).join()}]`, 'too long'],
    ['brackets', `${'('.repeat(70)}1${')'.repeat(70)}`, 'nested too deeply'],
    ['signs', `${'!'.repeat(MAX_DEPTH + 1)}true`, 'nested too deeply'],
    [
      'links of a chain',
      Array(MAX_DEPTH + 2)
        .fill('1')
        .join(' + '),
      'nested too deeply',
    ],
  ])('by its %s', (_, source, message) => {
    expect(refused(source).message).toContain(message)
  })

  it('but not one that is merely large', () => {
    const source = Array(Math.floor(MAX_DEPTH / 2))
      .fill('request.path == "/none"')
      .join(' || ')
    expect(source.length).toBeLessThan(MAX_SOURCE)
    expect(evaluate(source)).toBe(false)
    expect(evaluate(`${'!'.repeat(MAX_DEPTH - 2)}true`)).toBe(true)
    expect(
      compiled(
        `[${Array(MAX_NODES - 1000)
          .fill('1')
          .join()}]`,
      ).cost,
    ).toBe(1001)
  })

  it.each([
    'identity.roles.exists(r, identity.scopes.exists(s, s == r))',
    'identity.roles.map(r, r.split(",").map(x, x))',
    'identity.roles.exists(r, cel.bind(a, identity.scopes.filter(s, s == r), size(a) > 0))',
  ])('by a loop inside a loop: %s', (source) => {
    expect(refused(source).message).toContain('a loop inside a loop')
  })

  it('by json(), whose nesting nothing bounds', () => {
    expect(refused('bytes(request.path).json()').message).toContain('json() is not available')
  })
})

it('loops may follow each other', () => {
  const source = 'identity.roles.filter(r, r != "a").map(r, r + "!").exists(r, r == "b!")'
  expect(evaluate(source, { identity: { roles: ['a', 'b'] } })).toBe(true)
  expect(evaluate(source, { identity: { roles: ['a'] } })).toBe(false)
})

it('cel.bind may stand in a loop', () => {
  const source = 'identity.roles.exists(r, cel.bind(x, r + "!", x == "b!" && x.startsWith(r)))'
  expect(evaluate(source, { identity: { roles: ['a', 'b'] } })).toBe(true)
})

describe('an evaluation that would build too much fails', () => {
  it.each([
    [
      'by doubling a text',
      chain(
        'request.path',
        (x) => `${x} + ${x}`,
        20,
        (x) => `${x} == ""`,
      ),
    ],
    [
      'by doubling bytes',
      chain(
        'bytes(request.path)',
        (x) => `${x} + ${x}`,
        20,
        (x) => `size(${x}) == 0`,
      ),
    ],
    [
      'by doubling a list',
      chain(
        '[request.path]',
        (x) => `${x} + ${x}`,
        20,
        (x) => `size(${x}) == 0`,
      ),
    ],
    [
      'by doubling a claim',
      chain(
        'identity.claims.a',
        (x) => `${x} + ${x}`,
        20,
        (x) => `${x} == ""`,
      ),
    ],
    ['by escaping what is escaped', 'urlEncode(urlEncode(request.path.replace("a", "/"))) == ""'],
    [
      'by hex of hex',
      chain(
        'bytes(request.path)',
        (x) => `bytes(${x}.hex())`,
        20,
        (x) => `size(${x}) == 0`,
      ),
    ],
    ['by replacing', `request.path.replace("a", "${'b'.repeat(100)}") == ""`],
    ['by joining', 'request.path.split("").join(request.path) == ""'],
    ['by joining many', 'identity.roles.join(request.path) == ""'],
    ['by splitting', 'size(request.path.split("")) == 0'],
    ['in a loop', `identity.roles.map(r, request.path.replace("a", "bb")) == []`],
    ['in a loop that only joins', `identity.roles.map(r, request.path + r).exists(r, r == "")`],
  ])('%s', (_, source) => {
    const roles = Array.from({ length: 500 }, (_, i) => `r${i}`)
    const given = { path: LONG, identity: { roles, claims: { a: LONG } } as never }
    expect(() => evaluate(source, given)).toThrow(/too long|takes too long/)
  })

  it.each([
    ['compared', 'x == y'],
    ['looked for', 'x in [y]'],
    ['handed out', 'x'],
  ])('by a list that holds itself many times over, once %s', (_, last) => {
    const source = chain(
      '[1]',
      (x) => `[${x}, ${x}]`,
      12,
      (x) => `cel.bind(x, ${x}, cel.bind(y, ${x} + [], ${last}))`,
    )
    const wide = source.replaceAll(/\[x(\d+), x\1\]/g, (_, i: string) => `[${Array(10).fill(`x${i}`).join()}]`)
    expect(() => evaluate(wide)).toThrow('takes too long')
  })

  it(`but ${MAX_TEXT} characters and ${MAX_ITEMS} entries may be`, () => {
    const half = 'a'.repeat(MAX_TEXT / 2)
    expect(evaluate('size(request.path + request.path)', { path: half })).toBe(BigInt(MAX_TEXT))
    expect(() => evaluate('size(request.path + request.path + "a")', { path: half })).toThrow('too long')
    const roles = Array(MAX_ITEMS / 2).fill('a')
    expect(evaluate('size(identity.roles + identity.roles)', { identity: { roles } })).toBe(BigInt(MAX_ITEMS))
    expect(() => evaluate('identity.roles + identity.roles + ["a"]', { identity: { roles } })).toThrow('too long')
  })
})

describe('an evaluation that would take too long fails', () => {
  it('when a loop has too many entries', () => {
    const roles = (length: number): { identity: { roles: string[] } } => ({
      identity: { roles: Array(length).fill('a') },
    })
    expect(evaluate('identity.roles.all(r, r == "a")', roles(MAX_LOOP))).toBe(true)
    for (const list of ['identity.roles', 'cel.bind(x, identity.roles, x)', '(identity.roles + [])']) {
      expect(() => evaluate(`${list}.all(r, r == "a")`, roles(MAX_LOOP + 1))).toThrow(`${MAX_LOOP} at most`)
    }
  })

  it('when a claim with too many keys is looped over', () => {
    const big = Object.fromEntries(Array.from({ length: MAX_LOOP + 1 }, (_, i) => [`k${i}`, i]))
    const given = { identity: { claims: { big } } as never }
    expect(() => evaluate('identity.claims.big.exists(k, k == "none")', given)).toThrow(`${MAX_LOOP} at most`)
  })

  it('when the body of a loop is long', () => {
    const roles = Array(MAX_LOOP).fill('a')
    const body = Array(50).fill('r == "b"').join(' || ')
    expect(() => evaluate(`identity.roles.exists(r, ${body})`, { identity: { roles } })).toThrow('takes too long')
  })

  it.each([
    'identity.roles.exists(r, request.path.contains(r + "b"))',
    'identity.roles.exists(r, request.path.contains("b"))',
    'identity.roles.exists(r, request.path.matches("b$"))',
    'identity.roles.exists(r, request.path.lowerAscii() == r)',
    'identity.roles.exists(r, size(request.path) == 1)',
    'identity.roles.exists(r, r in request.path.split("/"))',
    'identity.roles.exists(r, identity.claims.list == identity.roles)',
  ])('when a loop reads a long text at each round: %s', (source) => {
    const roles = Array.from({ length: MAX_LOOP }, (_, i) => `a${i}`)
    const given = { path: 'a'.repeat(8000), identity: { roles, claims: { list: [...roles, 'b'] } } as never }
    expect(() => evaluate(source, given)).toThrow('takes too long')
  })

  it.each(['contains', 'indexOf', 'lastIndexOf', 'split', 'replace'])(
    'when the request chooses what is looked for and where: %s',
    (name) => {
      const args = name === 'replace' ? 'request.query, ""' : 'request.query'
      const query = `${'a'.repeat(4000)}b${'a'.repeat(4000)}`
      expect(() => evaluate(`request.path.${name}(${args})`, { path: LONG, query })).toThrow('takes too long')
      expect(() => evaluate(`request.path.${name}(${args})`, { path: LONG, query: 'ab' })).not.toThrow()
    },
  )

  it('when a duration is long: reading it takes the third power of its length', () => {
    expect(() => evaluate('duration(request.path)', { path: '1'.repeat(100_000) })).toThrow('long text')
  })

  it('and the next evaluation begins anew', () => {
    const expression = compiled('request.path.contains(request.query)')
    const hostile = factsOf({ path: LONG, query: LONG.slice(1) })
    expect(() => expression.evaluate(hostile)).toThrow('takes too long')
    for (let i = 0; i < 1000; i++) expect(expression.evaluate(factsOf({ path: LONG, query: 'a' }))).toBe(true)
  })
})
