import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { explainCommand } from '../../../agent/cli/explain.ts'
import { tempFolder } from '../../support/folder.ts'
import { recordPrinted } from '../../support/printed.ts'
import { HEAD } from '../explain/support.ts'

const { printed, told } = recordPrinted()

const RULES = `rules:
  - { name: open, match: { path: /open }, identity: none }
  - { name: closed, match: { path: /closed }, identity: { require: corp } }
`

async function run(...args: string[]): Promise<typeof process.exitCode> {
  const config = join(tempFolder(), 'agent.yaml')
  writeFileSync(config, `${HEAD}${RULES}`)
  const command = explainCommand()
    .exitOverride()
    .configureOutput({ writeErr: (text) => void told.push(text) })
  await command.parseAsync(['--config', config, ...args], { from: 'user' })
  return process.exitCode
}

it.each([
  ['https://x/open', 'allow', 0],
  ['https://x/open', '200', 0],
  ['https://x/open', 'deny', 1],
  ['https://x/closed', 'deny', 0],
  ['https://x/closed', '401', 0],
  ['https://x/closed', '403', 1],
])('of %s it expects %s, and ends with %d', async (request, expected, code) => {
  expect(await run('--request', request, '--expect', expected)).toBe(code)
  expect(told.join('')).toContain(code === 0 ? '' : `expected ${expected}`)
})

it('a denial that is explained is no failure, and JSON is one object', async () => {
  expect(await run('--request', 'https://x/closed', '--json')).toBe(0)
  expect(printed).toHaveLength(1)
  expect(JSON.parse(printed[0] ?? '')).toMatchObject({ ok: true, decision: 'deny', reason: 'no_credentials' })
})

it.each([
  [[], /give one of/],
  [['--request', 'https://x/', '--event', 'a'], /give one of/],
  [['--har', 'a.har'], /--har needs --against/],
  [['--request', 'https://x/', '--against', 'b.yaml'], /--against is for/],
  [['--request', 'https://x/', '--expect', 'perhaps'], /Expected allow, deny/],
  [['--request', 'https://x/', '--timeout', '0'], /Expected seconds/],
  [['--log', 'a', '--examples', 'all'], /Expected a number/],
])('%j is wrong usage', async (args, message) => {
  await expect(run(...args)).rejects.toThrow(message)
})

it.each([
  [['--event', 'a'], /keeps no audit records: name a file/],
  [['--event', 'a', '--log', '/none.jsonl'], /cannot read \/none\.jsonl: ENOENT/],
  [['--request', 'https://x/', '--as', '/none.json'], /cannot read \/none\.json: ENOENT/],
])('%j fails with a reason', async (args, message) => {
  await expect(run(...args)).rejects.toThrow(message)
})

it('refuses a caller that is none, and quotes nothing of the file', async () => {
  const file = join(tempFolder(), 'identity.json')
  writeFileSync(file, '{"subject":"SECRET", ')
  await expect(run('--request', 'https://x/', '--as', file)).rejects.toThrow(/is not JSON$/)
  writeFileSync(file, '{"subjekt":"alice"}')
  await expect(run('--request', 'https://x/', '--as', file)).rejects.toThrow(/subject/)
})
