import { describe, expect, it } from 'vitest'
import { ConfigError, problem, renderProblem } from '../../../agent/config/problem.ts'
import { mappingsAt, requiredKeys } from '../../../agent/config/schema-walk.ts'
import { configSchema } from '../../../agent/config/schema.ts'
import { helpFor } from '../../../agent/config/key-help.ts'
import { suggest } from '../../../agent/config/suggest.ts'
import { HEAD, problemsOf, provider } from './bad-files/row.ts'

const codesOf = (text: string, env?: Record<string, string>) =>
  problemsOf(text, env).map(({ line, code, message }) => `${line} ${code} ${message}`)

describe('one run tells everything', () => {
  it('of references, keys, values and expressions, in the order of the file', () => {
    const text = `version: 1
spop: { listen: "tcp://127.0.0.1:9000", deadline: 40 }
temporal: { address: "127.0.0.1:7233", namespace: "\${NAMESPACE}" }
identity: { providers: { corp: { issuer: "https://id.example.com" } } }
rules:
  - { name: a, identity: { require: crop } }
  - { name: b, identity: none, mach: {} }
  - { name: c, identity: none, match: { when: "request.pth == 'a'" } }
log: { level: info, level: warn }
`
    expect(codesOf(text)).toEqual([
      '2 CONFIG_DURATION deadline: expected a duration such as 40ms',
      '3 CONFIG_ENV_UNSET environment variable NAMESPACE is not set',
      '4 CONFIG_MISSING "audience" is missing in identity.providers.corp',
      '6 CONFIG_REFERENCE no provider is called "crop"',
      '7 CONFIG_UNKNOWN_KEY unknown key "mach" in rules[1]',
      '8 CONFIG_CEL No such key: pth',
      '9 CONFIG_SYNTAX the key "level" stands twice: keys must be unique',
    ])
  })

  it('of several references in one value', () => {
    expect(codesOf(`${HEAD}rules: []\nadmin: { listen: "tcp://\${A}:\${B}" }\n`)).toEqual([
      '6 CONFIG_ENV_UNSET environment variable A is not set',
      '6 CONFIG_ENV_UNSET environment variable B is not set',
    ])
  })

  it('of all providers that are wrong, and none of the rules that name them', () => {
    const text = `${provider('{ audience: a }').replace('rules: []', 'rules: [{ name: r, identity: { require: corp } }]')}    two: { kind: x }\n`
    expect(codesOf(text).map((one) => one.slice(0, 30))).toEqual([
      '7 CONFIG_MISSING "issuer" is m',
      '8 CONFIG_INVALID kind: expecte',
    ])
  })

  it('but not what follows from a providers key that is wrong itself', () => {
    const text = HEAD.replace(/providers:.*\n/, 'providers: none }\n')
    expect(codesOf(`${text}rules: [{ name: r, identity: { require: corp } }]\n`)).toEqual([
      '4 CONFIG_INVALID providers: expected a mapping, not text',
    ])
  })

  it('but not what follows from a syntax error: the parser guesses', () => {
    expect(codesOf('version: 2\nspop: { listen: [ }\nrules: ]\n')).toHaveLength(1)
  })

  it('but not what a secret that nobody set would lack', () => {
    const text = `${HEAD}rules: []\naudit: { to: stdout, pseudonyms: { secret: "\${AUDIT_SECRET}" } }\n`
    expect(codesOf(text)).toEqual(['6 CONFIG_ENV_UNSET environment variable AUDIT_SECRET is not set'])
  })
})

describe('a problem', () => {
  const found = problem({
    code: 'CONFIG_INVALID',
    file: 'f',
    line: 3,
    column: 4,
    message: 'm',
    source: 'a\tb: cde',
    length: 99,
  })

  it('has a caret that keeps tabs and ends with the line', () => {
    expect(found.caret).toBe(' \t ^^^^^')
    expect(renderProblem(found)).toContain(`  3 | a\tb: cde\n    |  \t ^^^^^\n`)
  })

  it('shows the part of a long line that it is about, and no control characters', () => {
    const source = `${'x'.repeat(5000)}\u001b[31m${'y'.repeat(5000)}`
    const rendered = renderProblem(problem({ ...found, column: 5001, length: 1, source }))
    const [, line = '', caret = ''] = rendered.split('\n')
    expect(line.length).toBeLessThan(200)
    expect(line[caret.indexOf('^')]).toBe('\ufffd')
  })

  it('stands once in an error, however often it was found', () => {
    expect(new ConfigError([found, found]).problems).toEqual([found])
  })
})

it('every key that something cannot do without has help of its own', () => {
  const missing: string[] = []
  const look = (path: readonly string[]): void => {
    for (const mapping of mappingsAt(configSchema, undefined, path)) {
      for (const key of requiredKeys(mapping))
        if (helpFor([...path, key]) === undefined) missing.push([...path, key].join('.'))
      for (const key of Object.keys(mapping.shape)) if (path.length < 4) look([...path, key])
    }
    if (path.at(-1) === 'providers') look([...path, 'any'])
  }
  look([])
  expect([...new Set(missing)]).toEqual([])
})

describe('a suggestion', () => {
  it.each([
    ['audence', 'audience'],
    ['aud', 'audience'],
    ['AUDIENCE', 'audience'],
    ['jwksuri', 'jwksUri'],
    ['zzz', undefined],
    ['to', undefined],
  ])('for %s is %s', (word, meant) => {
    expect(suggest(word, ['audience', 'jwksUri', 'typ'])).toBe(meant)
  })

  it('is never the word itself', () => {
    expect(suggest('claims', ['claims'])).toBeUndefined()
  })
})
