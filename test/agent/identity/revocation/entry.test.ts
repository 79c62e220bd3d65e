import { describe, expect, it } from 'vitest'
import { parseEntry } from '../../../../agent/identity/revocation/entry.ts'
import { parseList } from '../../../../agent/identity/revocation/list.ts'
import { DIGEST, LATER } from './support.ts'

const HEX = Buffer.from(DIGEST, 'base64url').toString('hex')

describe('an entry', () => {
  it.each([
    [
      { jti: 'a', until: LATER },
      { kind: 'jti', key: 'a' },
    ],
    [
      { subject: 'ann', provider: 'okta', until: LATER },
      { kind: 'subject', key: 'ann', provider: 'okta' },
    ],
    [
      { session: 's', issuer: 'https://i', until: LATER },
      { kind: 'session', key: 's', issuer: 'https://i' },
    ],
    [
      { token: DIGEST, until: LATER },
      { kind: 'digest', key: DIGEST },
    ],
    [
      { token: HEX.toUpperCase(), until: LATER },
      { kind: 'digest', key: DIGEST },
    ],
    [
      { certificate: HEX.match(/../g)?.join(':'), until: LATER },
      { kind: 'digest', key: DIGEST },
    ],
    [
      { provider: 'okta', issuedBefore: 5, until: 'never' },
      { kind: 'all', issuedBefore: 5, until: Infinity },
    ],
    [{ jti: 'a', until: '2026-11-24T10:00:00+01:00' }, { until: LATER * 1000 }],
  ])('%j is read', (input, expected) => {
    expect(parseEntry(input)).toMatchObject(expected)
  })

  it.each([
    ['text'],
    [null],
    [[]],
    [{}],
    [{ jti: 'a' }],
    [{ jti: '', until: LATER }],
    [{ jti: 1, until: LATER }],
    [{ jti: 'a\n', until: LATER }],
    [{ jti: 'a', subject: 'b', until: LATER }],
    [{ jti: 'a', until: LATER, util: 1 }],
    [{ jti: 'a', until: 'tomorrow' }],
    [{ jti: 'a', until: '2026-11-24' }],
    [{ jti: 'a', until: LATER * 1000 }],
    [{ jti: 'a', until: Number.NaN }],
    [{ jti: 'a', issuedBefore: 5, until: LATER }],
    [{ issuedBefore: 5, until: LATER }],
    [{ token: 'the token itself', until: LATER }],
    // Its last bits are not zero: no SHA-256 is written so, and it would never match.
    [{ token: 'q'.repeat(43), until: LATER }],
    [{ jti: 'a', until: LATER, reason: 'x'.repeat(501) }],
  ])('%j is refused', (input) => {
    expect(() => parseEntry(input)).toThrow(/./)
  })

  it('is refused without a byte of it in the message', () => {
    for (const input of [{ hunter2: 1 }, { token: 'hunter2', until: LATER }, { jti: 'x', until: 'hunter2' }]) {
      expect(() => parseEntry(input)).toThrow(
        expect.objectContaining({ message: expect.not.stringContaining('hunter2') }),
      )
    }
  })
})

describe('a list', () => {
  const read = (text: string) => [...parseList(text)].map(({ key }) => key)

  it('may be JSON lines, a JSON array or YAML', () => {
    expect(read(`{"jti":"a","until":${LATER}}\n\n  {"jti":"b","until":"never"}`)).toEqual(['a', 'b'])
    expect(read(`[{"jti":"a","until":${LATER}},\n{"jti":"b","until":"never"}]`)).toEqual(['a', 'b'])
    expect(read(`# who left\n- jti: a\n  until: 2026-11-24T09:00:00Z\n- { jti: b, until: never }\n`)).toEqual([
      'a',
      'b',
    ])
  })

  it('may be empty', () => {
    for (const text of ['', '\n', '[]', '# nobody yet\n']) expect(read(text)).toEqual([])
  })

  it.each([
    ['{"jti":"a","until":"never"}\nhunter2\n', 'line 2: not JSON'],
    ['{"jti":"a","jti":"b","until":"never"}', 'line 1: JSON that names a key twice or nests too deep'],
    ['[{"jti":"a","until":"never"},{"hunter2":1}]', 'entry 2: an unknown key'],
    ['- jti: a\n  until: never\n- {hunter2', 'not YAML at line 3'],
    ['- jti: a\n  jti: b\n  until: never\n', 'not YAML at line 2'],
    ['- &a { jti: hunter2, until: never }\n- *a\n', 'YAML with aliases'],
    ['jti: a\nuntil: never\n', 'not a list'],
    [`[${' '.repeat(1024 * 1024)}]`, 'a JSON array of more than'],
    [`#${' '.repeat(8 * 1024)}\n- a`, 'YAML of more than'],
  ])('is refused as a whole, telling where: %#', (text, message) => {
    let told = ''
    try {
      read(text)
    } catch (error) {
      told = (error as Error).message
    }
    expect(told).toContain(message)
    expect(told).not.toContain('hunter2')
  })
})
