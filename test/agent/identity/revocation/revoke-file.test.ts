import { hash, X509Certificate } from 'node:crypto'
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { appendRevocation, purgeRevokeFile, readRevokeFile } from '../../../../agent/identity/revocation/revoke-file.ts'
import { revokeInput, type RevokeOptions } from '../../../../agent/identity/revocation/revoke-input.ts'
import { RunningCommand } from '../../../support/command.ts'
import { tempFolder } from '../../../support/folder.ts'
import { LATER, NOW_S } from './support.ts'

const list = (): string => join(tempFolder(), 'revoked.jsonl')
const keys = (path: string): string[] => readRevokeFile(path).map(({ key }) => key)

describe('a list in a file', () => {
  it('is made by its first entry and grows at its end', () => {
    const path = list()
    appendRevocation(path, { jti: 'a', until: LATER })
    const { ino } = statSync(path)
    appendRevocation(path, { jti: 'b', until: 'never' })
    expect(keys(path)).toEqual(['a', 'b'])
    expect(statSync(path).ino).toBe(ino)
    expect(statSync(path).mode & 0o007).toBe(0)
  })

  it('may lack the last line end, be YAML, and be empty', () => {
    const path = list()
    writeFileSync(path, '{"jti":"a","until":"never"}')
    appendRevocation(path, { jti: 'b', until: LATER })
    expect(keys(path)).toEqual(['a', 'b'])
    writeFileSync(path, '# left\n- jti: a\n  until: never')
    appendRevocation(path, { jti: 'b', until: LATER })
    expect(keys(path)).toEqual(['a', 'b'])
    writeFileSync(path, '\n')
    appendRevocation(path, { jti: 'b', until: LATER })
    expect(keys(path)).toEqual(['b'])
  })

  it('with a mistake, in brackets, or too long is not added to: agents would not take the entry', () => {
    const path = list()
    for (const text of ['{"jti":"a"}\n', '[]', `${' '.repeat(1024 * 1024)}\n{"jti":"a","until":"never"}\n`]) {
      writeFileSync(path, text)
      expect(() => appendRevocation(path, { jti: 'b', until: LATER })).toThrow(path)
      expect(readFileSync(path, 'utf8')).toBe(text)
    }
    writeFileSync(path, '')
    expect(() => appendRevocation(path, { jti: 'b', until: 'tomorrow' })).toThrow('"until" is neither')
    expect(() => readRevokeFile('/')).toThrow(expect.objectContaining({ code: 'REVOCATION_LIST' }))
  })

  it('is purged of what is over, and keeps its mode', () => {
    const path = list()
    expect(purgeRevokeFile(path, NOW_S * 1000)).toBe(0)
    writeFileSync(path, '', { mode: 0o600 })
    appendRevocation(path, { jti: 'a', until: NOW_S })
    appendRevocation(path, { jti: 'b', until: LATER })
    expect(purgeRevokeFile(path, NOW_S * 1000)).toBe(1)
    expect(keys(path)).toEqual(['b'])
    expect(statSync(path).mode & 0o777).toBe(0o600)
    writeFileSync(path, '- { jti: a, until: never }\n')
    expect(() => purgeRevokeFile(path, NOW_S * 1000)).toThrow('only lists of JSON lines')
  })
})

const never = (): string => {
  throw new Error('standard input is read for tokens only')
}

describe('the options of revoke', () => {
  it.each<[RevokeOptions, object]>([
    [
      { jti: 'a', until: '8h' },
      { jti: 'a', until: '2026-11-24T16:00:00Z' },
    ],
    [
      { subject: 'ann', provider: 'okta', allBefore: 'now', until: 'never', reason: 'left' },
      { subject: 'ann', provider: 'okta', issuedBefore: '2026-11-24T08:00:00Z', until: 'never', reason: 'left' },
    ],
    [
      { issuer: 'https://i', allBefore: '2026-01-01T00:00:00Z', until: '1d' },
      { issuer: 'https://i', issuedBefore: '2026-01-01T00:00:00Z', until: '2026-11-25T08:00:00Z' },
    ],
    [
      { session: 's', until: '2027-01-01T00:00:00Z' },
      { session: 's', until: '2027-01-01T00:00:00Z' },
    ],
    [
      { session: 's', until: '99999999d' },
      { session: 's', until: 'never' },
    ],
  ])('%j', (options, expected) => {
    expect(revokeInput(options, NOW_S, never)).toEqual(expected)
  })

  it('take a token on standard input, keep its hash only, and read from it how long it matters', () => {
    const payload = Buffer.from(JSON.stringify({ exp: NOW_S })).toString('base64url')
    const token = `eyJhbGciOiJub25lIn0.${payload}.c2ln`
    expect(revokeInput({ token: '-' }, NOW_S, () => `${token}\n`)).toEqual({
      token: hash('sha256', token, 'base64url'),
      until: '2026-11-24T09:00:00Z',
    })
    expect(() => revokeInput({ token }, NOW_S, never)).toThrow('standard input')
    expect(() => revokeInput({ token: '-' }, NOW_S, () => '\n')).toThrow('no token')
    expect(() => revokeInput({ token: '-' }, NOW_S, () => 'opaque')).toThrow('--until')
    expect(() => revokeInput({ token: '-' }, NOW_S, () => 'a.!.b')).toThrow('--until')
  })

  it.each<[RevokeOptions, string]>([
    [{ until: '8h' }, 'say one of'],
    [{ jti: 'a', subject: 'b', until: '8h' }, 'say one of'],
    [{ jti: 'a' }, 'say --until'],
    [{ certificate: '/nowhere', until: '8h' }, 'there is no such file'],
  ])('%j are refused', (options, message) => {
    expect(() => revokeInput(options, NOW_S, never)).toThrow(message)
  })

  it('take a certificate by its SHA-256 until it expires', () => {
    const path = join(tempFolder(), 'client.pem')
    writeFileSync(path, CERTIFICATE)
    const certificate = new X509Certificate(CERTIFICATE)
    expect(revokeInput({ certificate: path }, NOW_S, never)).toEqual({
      certificate: Buffer.from(certificate.fingerprint256.replaceAll(':', ''), 'hex').toString('base64url'),
      until: new Date(Date.parse(certificate.validTo) + 3_600_000).toISOString().replace('.000Z', 'Z'),
    })
    writeFileSync(path, 'no certificate')
    expect(() => revokeInput({ certificate: path }, NOW_S, never)).toThrow('not a certificate')
  })
})

describe('haproxy-temporal revoke', () => {
  async function run(...args: string[]) {
    const command = new RunningCommand(['revoke', ...args])
    onTestFinished(() => command.dispose())
    return await command.result
  }

  it('adds, lists and purges', async () => {
    const file = list()
    expect(await run('--file', file, '--jti', 'a', '--until', '8h')).toMatchObject({ code: 0, stderr: '' })
    const listed = await run('list', '--file', file, '--json')
    expect(JSON.parse(listed.stdout)).toMatchObject({ ok: true, entries: [{ kind: 'jti', key: 'a' }] })
    expect((await run('purge', '--file', file)).stdout).toBe(`${file}: 0 dropped\n`)
  })

  it('tells mistakes of use from those of the list', async () => {
    const file = list()
    expect((await run('--file', file, '--jti', 'a')).code).toBe(2)
    expect((await run('--jti', 'a')).code).toBe(2)
    mkdirSync(file)
    const failed = await run('--file', file, '--jti', 'a', '--until', '8h', '--json')
    expect(failed.code).toBe(1)
    expect(JSON.parse(failed.stdout)).toMatchObject({ ok: false, code: 'REVOCATION_LIST' })
  })
})

const CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIIBdjCCARugAwIBAgIUPTcMWU7++LksyyGt/qsOd+rwnYMwCgYIKoZIzj0EAwIw
EDEOMAwGA1UEAwwFcm9ib3QwHhcNMjYxMTI0MDAxMzU4WhcNMzYxMTIxMDAxMzU4
WjAQMQ4wDAYDVQQDDAVyb2JvdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABA6p
sA1Fp0Odap8Z68m1l4kC3izOMFyKihzpGLiN5V6e36iYSCyQh7d2ACbbD+/+j1uA
6qO2rI/alf065yGOt5CjUzBRMB0GA1UdDgQWBBTA9Pt7QrInY/FiF4e6/y8cY+rF
VTAfBgNVHSMEGDAWgBTA9Pt7QrInY/FiF4e6/y8cY+rFVTAPBgNVHRMBAf8EBTAD
AQH/MAoGCCqGSM49BAMCA0kAMEYCIQCgYS5VH7daul9bX9r/HwRhSmGJNhIZVldX
z+mjTvO+YwIhAKMLn4LLa5TwIidyRCwmIvrDmde23GKdGa8x3TwoF2kp
-----END CERTIFICATE-----
`
