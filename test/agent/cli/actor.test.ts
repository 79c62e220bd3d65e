import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { Actors, entityPseudonym } from '../../../agent/actor/actors.ts'
import { DEFAULT_FIELDS } from '../../../agent/actor/fields.ts'
import { parseSigningKey, parseVerificationKeys } from '../../../agent/actor/key-text.ts'
import { PseudonymKey } from '../../../agent/identity/pseudonym.ts'
import { Secret } from '../../../agent/secrets/secret.ts'
import { type CommandResult, RunningCommand } from '../../support/command.ts'
import { tempFolder } from '../../support/folder.ts'
import { identityOf } from '../rules/support.ts'

const SECRET = 'a secret of enough characters'

async function run(cwd: string, ...args: readonly string[]): Promise<CommandResult> {
  const command = new RunningCommand(args, { cwd })
  onTestFinished(() => command.dispose())
  return command.result
}

describe('actor-id', { timeout: 60_000 }, () => {
  const HEAD = `version: 1
spop: { listen: "tcp://127.0.0.1:9000" }
temporal: { address: "127.0.0.1:7233" }
identity: { providers: { corp: { issuer: "https://id.example.com", audience: [a] } } }
rules: []
`
  function folderWith(actor: string): string {
    const folder = tempFolder()
    writeFileSync(join(folder, 'agent.yaml'), HEAD + actor)
    writeFileSync(join(folder, 'pseudonyms.secret'), `${SECRET}\n`)
    return folder
  }
  const CONFIGURED = 'actor: { pseudonyms: { keyId: k7, secret: { file: pseudonyms.secret } } }\n'
  const key = new PseudonymKey('k7', { current: new Secret(SECRET) })

  it('prints what the agent writes into ActorId for a caller', async () => {
    const folder = folderWith(CONFIGURED)
    const sighting = { requestId: 'r', rule: 'r', failOpen: false }
    const { id } = new Actors(DEFAULT_FIELDS, key).actorOf(identityOf({ subject: 'ann@example.com' }), sighting)
    const args = ['actor-id', '--provider', 'corp', '--subject', 'ann@example.com']
    expect(await run(folder, ...args)).toEqual({ code: 0, stdout: `${id}\n`, stderr: '' })
    const json = await run(folder, ...args, '--json')
    expect(JSON.parse(json.stdout)).toEqual({ ok: true, actorId: id })
  })

  it('prints what stands in workflow ids for a key', async () => {
    const { stdout } = await run(folderWith(CONFIGURED), 'actor-id', '--key', 'ann')
    expect(stdout).toBe(`${entityPseudonym(key, 'ann')}\n`)
  })

  it('refuses what it cannot answer', async () => {
    const folder = folderWith(CONFIGURED)
    const unknown = await run(folder, 'actor-id', '--provider', 'nobody', '--subject', 'x', '--json')
    expect([unknown.code, JSON.parse(unknown.stdout)]).toMatchObject([1, { code: 'CONFIG_REFERENCE' }])
    const plain = await run(folderWith(''), 'actor-id', '--key', 'x', '--json')
    expect([plain.code, JSON.parse(plain.stdout)]).toMatchObject([1, { code: 'CONFIG_MISSING' }])
    expect((await run(folder, 'actor-id', '--provider', 'corp')).code).toBe(2)
  })
})

it('actor-key create makes a pair that fits, and refuses to make it twice', { timeout: 60_000 }, async () => {
  const folder = tempFolder()
  const { code, stdout } = await run(folder, 'actor-key', 'create', '--alg', 'ES256', '--json')
  const told = JSON.parse(stdout) as { kid: string }
  expect([code, told]).toMatchObject([0, { ok: true, alg: 'ES256', keys: 1 }])
  const pem = readFileSync(join(folder, 'actor-key.pem'), 'utf8')
  expect(parseSigningKey(pem).kid).toBe(told.kid)
  expect(statSync(join(folder, 'actor-key.pem')).mode & 0o777).toBe(0o600)
  expect(parseVerificationKeys(readFileSync(join(folder, 'actor-keys.json'), 'utf8'))[0]?.kid).toBe(told.kid)
  expect(stdout).not.toContain(pem.split('\n')[1])
  expect((await run(folder, 'actor-key', 'create')).code).toBe(1)
  expect(readFileSync(join(folder, 'actor-key.pem'), 'utf8')).toBe(pem)
  expect((await run(folder, 'actor-key')).code).toBe(2)
})
