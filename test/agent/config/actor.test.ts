import { join } from 'node:path'
import { writeFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { DEFAULT_FIELDS } from '../../../agent/actor/fields.ts'
import { openActors } from '../../../agent/actor/open.ts'
import { loadConfig, parseConfig } from '../../../agent/config/load.ts'
import { ConfigError } from '../../../agent/config/problem.ts'
import { compileRules } from '../../../agent/rules/compile.ts'
import { tempFolder } from '../../support/folder.ts'
import { quiet } from '../actor/support/keys.ts'

const HEAD = 'version: 1\nspop: { listen: "tcp://127.0.0.1:9000" }\ntemporal: { address: "127.0.0.1:7233" }\n'
const RULES = 'rules: []\n'

function problemsOf(yaml: string): string[] {
  try {
    const { config, document } = parseConfig('agent.yaml', HEAD + yaml, {})
    compileRules(config, document)
    return []
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return error.problems.map(({ code, message }) => `${code} ${message}`)
  }
}

const actorOf = (yaml: string) => parseConfig('agent.yaml', `${HEAD}${RULES}${yaml}`, {}).config.actor

it('without "actor" everything stays as it was: plain and unsigned', () => {
  expect(actorOf('')).toEqual({ lifetime: 86_400_000, require: false, fields: DEFAULT_FIELDS, searchAttributes: false })
})

it('keys to verify with are required to be used, unless a time of grace is asked for', () => {
  expect(actorOf('actor: { verifyKeys: { file: keys.json } }').require).toBe(true)
  expect(actorOf('actor: { verifyKeys: { jwks: "https://keys.example/jwks" }, require: false }').require).toBe(false)
})

it('paths are relative to the file', () => {
  const folder = tempFolder()
  const file = join(folder, 'agent.yaml')
  writeFileSync(
    file,
    `${HEAD}${RULES}actor:
  signingKey: { file: key.pem }
  verifyKeys: { file: keys.json }
  pseudonyms: { secret: { file: pseudonyms.secret } }
`,
  )
  const { actor } = loadConfig(file, {}).config
  expect(actor.signingKey?.file).toBe(join(folder, 'key.pem'))
  expect(actor.verifyKeys).toEqual({ file: join(folder, 'keys.json') })
  expect(actor.pseudonyms).toEqual({ keyId: 'k1', secret: { file: join(folder, 'pseudonyms.secret') } })
})

describe('a configuration that could not keep its promise is refused', () => {
  it.each([
    ['actor: { require: true }', 'CONFIG_MISSING "require" needs "verifyKeys"'],
    ['actor: { searchAttributes: true }', 'CONFIG_MISSING "searchAttributes" needs "pseudonyms"'],
    ['actor: { fields: { tenant: pseudonym } }', 'CONFIG_MISSING "fields" asks for a pseudonym of "tenant"'],
    ['actor: { fields: { roles: pseudonym } }', 'CONFIG_INVALID'],
    ['actor: { lifetime: 1s }', 'CONFIG_DURATION'],
    ['actor: { verifyKeys: { jwks: "http://keys.example/" } }', 'CONFIG_INVALID'],
    ['actor: { pseudonyms: { keyId: "a.b", secret: x } }', 'CONFIG_INVALID'],
    ['actor: { signingKey: key.pem }', 'CONFIG_INVALID'],
  ])('%s', (yaml, problem) => {
    expect(problemsOf(RULES + yaml)).toEqual([expect.stringContaining(problem) as string])
  })

  it('a key as pseudonym without pseudonyms', () => {
    const rule = (more: string) =>
      `rules:\n  - { name: r, identity: none, workflow: { signal: auditTrail, key: request.host, keyAs: pseudonym } }\n${more}`
    expect(problemsOf(rule(''))).toEqual(['CONFIG_MISSING "keyAs: pseudonym" needs "actor.pseudonyms"'])
    expect(problemsOf(rule('actor: { pseudonyms: { secret: a secret of enough characters } }'))).toEqual([])
  })
})

it('an agent whose secret of pseudonyms is missing or too short does not start', async () => {
  const open = (secret: string) => openActors(actorOf(`actor: { pseudonyms: { secret: ${secret} } }`), quiet)
  await expect(open('short')).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
  await expect(open(`{ file: ${tempFolder()}/none }`)).rejects.toMatchObject({ code: 'CONFIG_FILE_MISSING' })
  const { actors, close } = await open('a secret of enough characters')
  expect(actors.keyPseudonym('ann')).toMatch(/^k1\./)
  close()
})
