import { describe, expect, it } from 'vitest'
import fc from 'fast-check'
import { KeyFileError, parseKeyFile } from '../../../../agent/identity/api-key/key-file.ts'

/** As strings of a request are: a character for each byte. */
const anyBytes = fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes).toString('latin1'))

const CANARY = 'canary5f1d7a84db00d2fce'
const HASH = `sha256:${'ab'.repeat(32)}`
const OTHER = `sha256:${'cd'.repeat(32)}`

const parse = (text: string) => [...parseKeyFile(text)]

function mistake(text: string): string {
  try {
    parse(text)
  } catch (error) {
    expect(error).toBeInstanceOf(KeyFileError)
    return (error as Error).message
  }
  throw new Error('nothing was wrong with it')
}

describe('a file of keys', () => {
  it('is a YAML list', () => {
    const text = `# keys\n- id: a\n  hash: ${HASH}\n  owner: team a\n- { id: b, hash: "${OTHER}", owner: b, roles: [x, x], disabled: true }\n`
    expect(parse(text)).toEqual([
      { line: 2, entry: { id: 'a', hash: HASH, owner: 'team a', roles: [], scopes: [], disabled: false } },
      { line: 5, entry: { id: 'b', hash: OTHER, owner: 'b', roles: ['x'], scopes: [], disabled: true } },
    ])
  })

  it('is JSON lines, with empty ones between', () => {
    const text = `\n{"id":"a","hash":"${HASH}","owner":"a"}\r\n\n{"id":"b","hash":"hmac-${OTHER}","owner":"b","expires":"2027-01-01"}`
    expect(parse(text).map(({ entry, line }) => [line, entry.id, entry.expires])).toEqual([
      [2, 'a', undefined],
      [4, 'b', '2027-01-01'],
    ])
  })

  it('holds no keys when it says so, not when it is empty', () => {
    expect(parse('[]')).toEqual([])
    expect(mistake('')).toBe('line 1: empty: write [] for no keys')
    expect(mistake('# nothing\n')).toBe('line 1: empty: write [] for no keys')
  })

  const entry = (more: string): string => `- id: a\n  hash: ${HASH}\n  owner: o\n${more}`
  it.each([
    ['a mapping', 'keys: []', 'line 1: expected a list of keys'],
    ['a list of texts', `- ${CANARY}`, 'line 1: expected a mapping'],
    ['an unknown key', entry(`  ${CANARY}: 1`), /^line 4: an unknown key; known are id, hash, owner/],
    ['no owner', `- id: a\n  hash: ${HASH}`, 'line 1: "owner" is missing'],
    ['a plain key for a hash', `- id: a\n  hash: ${CANARY}\n  owner: o`, /^line 2: "hash": expected "sha256:"/],
    ['a hash that is too short', `- id: a\n  owner: o\n  hash: sha256:abcd`, /^line 3: "hash"/],
    ['a date that is none', entry('  expires: 2027-02-30'), /^line 4: "expires": expected a date/],
    ['a time without a zone', entry('  expires: 2027-02-03T10:00:00'), /^line 4: "expires"/],
    ['"yes" for true', entry('  disabled: "yes"'), 'line 4: "disabled": expected true or false'],
    ['a control character', entry(`  tenant: "${CANARY}\\n"`), /^line 4: "tenant": expected 1 to 256 bytes/],
    ['one role without a list', entry(`  roles: ${CANARY}`), 'line 4: "roles": expected a list of names'],
    ['too many roles', entry(`  roles: [${Array.from({ length: 51 }, (_, i) => `r${i}`).join()}]`), /50 names at most/],
    ['a key of YAML twice', entry(`  owner: ${CANARY}`), 'line 4: not YAML (DUPLICATE_KEY)'],
    ['broken YAML', `- id: "${CANARY}`, /^line \d: not YAML \(MISSING_CHAR\)/],
    ['an alias', `- &a\n  id: a\n  hash: ${HASH}\n  owner: o\n- *a`, 'line 1: aliases are not accepted'],
    [
      'an id twice',
      `${entry('')}- id: a\n  hash: ${OTHER}\n  owner: o`,
      'line 4: the same "id" as the entry at line 1',
    ],
    [
      'a hash twice',
      `${entry('')}- id: b\n  hash: ${HASH}\n  owner: o`,
      /^line 4: the same "hash" as the entry at line 1/,
    ],
    [
      'a hash twice in other letters',
      `${entry('')}- id: b\n  hash: sha256:${'AB'.repeat(32)}\n  owner: o`,
      /same "hash"/,
    ],
    [
      'a key of JSON twice',
      `{"id":"a","hash":"${HASH}","owner":"${CANARY}","disabled":true,"disabled":false}`,
      'line 1: not JSON, or it names a key twice',
    ],
    ['broken JSON', `{"id":"a","hash":"${HASH}","owner":"a"}\n{"id":"${CANARY}"`, 'line 2: not JSON'],
    [
      'a JSON line that is a list',
      `{"id":"a","hash":"${HASH}","owner":"a"}\n["${CANARY}"]`,
      'line 2: expected a mapping',
    ],
    ['too much YAML', `- ${'x'.repeat(200_000)}`, /^line 1: YAML over 131072 characters: write JSON lines instead/],
  ])('is refused with its line, and without a word of it: %s', (_what, text, message) => {
    const told = mistake(text)
    expect(told).toMatch(message)
    expect(told).not.toContain(CANARY)
  })

  it('that is any text at all gives entries or such an error', () => {
    fc.assert(
      fc.property(fc.oneof(anyBytes, fc.json(), fc.constant('- a: &x [*x]')), (text) => {
        try {
          expect(parse(text)).toBeInstanceOf(Array)
        } catch (error) {
          expect(error).toBeInstanceOf(KeyFileError)
        }
      }),
    )
  })
})
