import { spawnSync } from 'node:child_process'
import { createHash, createHmac } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ROOT } from '../../../../agent/dev/tools.ts'
import { keyFormat } from '../../../../agent/identity/api-key/key-format.ts'
import { parseKeyFile } from '../../../../agent/identity/api-key/key-file.ts'
import { tempFolder } from '../../../support/folder.ts'

function apiKey(args: readonly string[], input = '') {
  const { status, stdout, stderr } = spawnSync(join(ROOT, 'bin/haproxy-temporal'), ['api-key', ...args], {
    input,
    encoding: 'utf8',
  })
  return { status, stdout, stderr }
}

const hashOf = (key: string): string => `sha256:${createHash('sha256').update(key).digest('hex')}`

describe('haproxy-temporal api-key', { timeout: 30_000 }, () => {
  it('create prints the key, and an entry that a file of keys takes as it stands', () => {
    const command = 'create --id billing --tenant acme --role reader --scope orders:read --expires 2099-12-31 --note #1'
    const { status, stdout, stderr } = apiKey([...command.split(' '), '--owner', 'billing team', '--role', 'x: y'])
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    const [key = '', empty, ...entry] = stdout.split('\n')
    expect(keyFormat('ht')(key)).toBe(true)
    expect(key).toMatch(/^ht_billing_/)
    expect(empty).toBe('')
    expect([...parseKeyFile(entry.join('\n'))].map((placed) => placed.entry)).toEqual([
      {
        id: 'billing',
        hash: hashOf(key),
        owner: 'billing team',
        tenant: 'acme',
        roles: ['reader', 'x: y'],
        scopes: ['orders:read'],
        expires: '2099-12-31T00:00:00Z',
        disabled: false,
        note: '#1',
      },
    ])
    expect(entry.join('\n')).not.toContain(key)
  })

  it('create --file adds the entry, and prints the key alone', () => {
    const file = join(tempFolder(), 'keys.yaml')
    const keys = ['a', 'b'].map(
      (owner) => apiKey(['create', '--owner', owner, '--file', file, '--expires', '90d']).stdout,
    )
    const entries = [...parseKeyFile(readFileSync(file, 'utf8'))].map((placed) => placed.entry)
    expect(keys.map((key) => hashOf(key.trimEnd()))).toEqual(entries.map(({ hash }) => hash))
    expect(entries.map(({ owner }) => owner)).toEqual(['a', 'b'])
    const days = (Date.parse(entries[0]?.expires ?? '') - Date.now()) / 86_400_000
    expect(days).toBeGreaterThan(89)
    expect(days).toBeLessThanOrEqual(90)
  })

  it('create --json prints one object', () => {
    const { status, stdout } = apiKey(['create', '--owner', 'a', '--prefix', 'acme_live', '--json'])
    const { ok, key, entry, file } = JSON.parse(stdout) as Record<string, unknown>
    expect({ status, ok, file }).toEqual({ status: 0, ok: true, file: null })
    expect(keyFormat('acme_live')(key as string)).toBe(true)
    expect(entry).toMatchObject({ hash: hashOf(key as string), owner: 'a' })
  })

  it('hash reads a key from standard input; with a pepper it is an HMAC', () => {
    expect(apiKey(['hash'], 'legacy key\n').stdout).toBe(`${hashOf('legacy key')}\n`)
    const pepper = join(tempFolder(), 'pepper')
    writeFileSync(pepper, ' p1 \n')
    const hmac = createHmac('sha256', 'p1').update('legacy key').digest('hex')
    expect(apiKey(['hash', '--pepper-file', pepper], 'legacy key').stdout).toBe(`hmac-sha256:${hmac}\n`)
    expect(JSON.parse(apiKey(['hash', '--json'], 'k').stdout)).toEqual({ ok: true, hash: hashOf('k') })
  })

  it.each([
    [['create'], "required option '--owner <name>'"],
    [['create', '--owner', ''], '--owner: expected 1 to 1024 bytes'],
    [['create', '--owner', 'a', '--role', 'b\n'], '--role: expected 1 to 256 bytes'],
    [['create', '--owner', 'a', '--id', 'a_b'], '--id: letters'],
    [['create', '--owner', 'a', '--prefix', 'HT'], '--prefix: a small letter'],
    [['create', '--owner', 'a', '--expires', '90'], 'Expected 90d'],
    [['create', '--owner', 'a', '--expires', '2020-01-01'], 'in the past'],
    [['create', '--owner', 'a', '--expires', '999999y'], 'Expected 90d'],
    [['nonsense'], 'unknown command'],
  ])('is used wrongly: %j exits with 2', (args, message) => {
    const { status, stdout, stderr } = apiKey(args)
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' })
    expect(stderr).toContain(message)
  })

  it('fails with 1 and makes no key where the file is wrong, or standard input holds none', () => {
    const file = join(tempFolder(), 'keys.yaml')
    writeFileSync(file, 'a: b')
    const { status, stdout, stderr } = apiKey(['create', '--owner', 'a', '--file', file])
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' })
    expect(stderr).toContain('line 1: expected a list of keys')
    expect(existsSync(`${file}.new`)).toBe(false)
    expect(apiKey(['hash'], '').status).toBe(1)
    expect(apiKey(['hash'], 'two\nkeys\n').status).toBe(1)
  })
})
