import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { parseKeyRing } from '../../../agent/crypto/key-ring.ts'
import { type CommandResult, RunningCommand } from '../../support/command.ts'
import { tempFolder } from '../../support/folder.ts'

async function run(cwd: string, ...args: readonly string[]): Promise<CommandResult> {
  const command = new RunningCommand(['payload-key', ...args], { cwd })
  onTestFinished(() => command.dispose())
  return command.result
}

describe('payload-key', { timeout: 60_000 }, () => {
  it('goes through a rotation and never prints a key', async () => {
    const folder = tempFolder()
    const file = join(folder, 'payload-keys.yaml')
    const told: string[] = []
    const ok = async (...args: readonly string[]): Promise<string> => {
      const { code, stdout, stderr } = await run(folder, ...args)
      told.push(stdout)
      expect([code, stderr]).toEqual([0, ''])
      return stdout
    }
    expect(await ok('create', '--id', 'one')).toContain('it encrypts from now on')
    expect(statSync(file).mode & 0o777).toBe(0o600)
    expect(await ok('create', '--id', 'two')).toContain('haproxy-temporal payload-key use two --file payload-keys.yaml')
    const before = parseKeyRing(readFileSync(file, 'utf8'))
    expect(await ok('use', 'two')).toBe('one  reads\ntwo  encrypts\n')
    expect(JSON.parse(await ok('remove', 'one', '--json'))).toEqual({
      ok: true,
      file: 'payload-keys.yaml',
      current: 'two',
      keys: ['two'],
    })
    expect(await ok('list')).toBe('two  encrypts\n')
    for (const id of before.ids) {
      expect(told.join()).not.toContain(before.get(id)?.secret.export().toString('base64'))
    }
  })

  it('refuses what would leave nothing that encrypts, and names the file', async () => {
    const folder = tempFolder()
    const created = JSON.parse((await run(folder, 'create', '--json')).stdout) as { created: string }
    const { code, stdout } = await run(folder, 'remove', created.created, '--json')
    expect([code, JSON.parse(stdout)]).toMatchObject([
      1,
      { ok: false, problems: [{ file: 'payload-keys.yaml', message: expect.stringContaining('is the current one') }] },
    ])
    expect((await run(folder, 'use')).code).toBe(2)
  })
})
