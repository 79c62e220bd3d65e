import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { type CommandResult, RunningCommand } from '../../support/command.ts'
import { tempFolder } from '../../support/folder.ts'

async function init(folder: string, ...args: string[]): Promise<CommandResult> {
  const command = new RunningCommand(['init', '--dir', folder, ...args])
  const result = await command.result
  command.dispose()
  return result
}

const ANSWERS = ['--issuer', 'https://id.example.com', '--audience', 'orders-api', '--protect', '/api/**']
const FILES = ['agent.schema.json', 'agent.yaml', 'haproxy.cfg', 'spoe.conf']

describe('init without a terminal', () => {
  it('writes four files, and tells what to do next', async () => {
    const folder = join(tempFolder(), 'new one')
    const { code, stdout, stderr } = await init(folder, ...ANSWERS)
    expect([code, stderr]).toEqual([0, ''])
    expect(readdirSync(folder).toSorted()).toEqual(FILES)
    expect(stdout).toContain(`wrote ${join(folder, 'agent.yaml')}`)
    expect(stdout).toContain(`cd '${folder}'`)
    expect(stdout).toContain('npx haproxy-temporal check\n')
    const [first] = readFileSync(join(folder, 'agent.yaml'), 'utf8').split('\n')
    expect(first).toBe('# yaml-language-server: $schema=agent.schema.json')
  })

  it('lists the files with --json, and takes options that come again', async () => {
    const folder = tempFolder()
    const more = ['--audience', 'b', '--public', '/healthz', '--public', '/docs/**', '--setting', 'tenants=acme']
    const { code, stdout } = await init(folder, ...ANSWERS, ...more, '--json')
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({
      ok: true,
      files: ['agent.yaml', 'haproxy.cfg', 'spoe.conf', 'agent.schema.json'].map((name) => join(folder, name)),
    })
    const text = readFileSync(join(folder, 'agent.yaml'), 'utf8')
    expect(text).toContain('audience: [orders-api, b]')
    expect(text).toContain('tenants: acme')
    expect(text).toContain('path: [/healthz, "/docs/**"]')
  })

  it('overwrites only with --force', async () => {
    const folder = tempFolder()
    await init(folder, ...ANSWERS)
    const again = await init(folder, ...ANSWERS, '--json')
    expect(again.code).toBe(2)
    expect(JSON.parse(again.stdout)).toMatchObject({
      ok: false,
      code: 'USAGE',
      message: expect.stringContaining('--force'),
    })
    expect((await init(folder, ...ANSWERS, '--force')).code).toBe(0)
  })

  it.each([
    ['what is missing', ['--audience', 'a'], 2, 'the preset oidc needs "issuer": --issuer'],
    ['a preset that is unknown', ['--preset', 'oktaa'], 2, 'Allowed choices are oidc, okta'],
    ['a setting without a value', ['--setting', 'tenants'], 2, 'Expected key=value'],
    ['what agent.yaml refuses', [...ANSWERS, '--host', 'a b'], 1, 'agent.yaml:'],
  ])('says %s, and writes nothing', async (_, args, code, message) => {
    const folder = join(tempFolder(), 'new')
    const result = await init(folder, ...args)
    expect(result.code).toBe(code)
    expect(result.stderr).toContain(message)
    expect(existsSync(folder)).toBe(false)
  })
})
