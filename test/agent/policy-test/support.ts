import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ConfigError, type Problem } from '../../../agent/config/problem.ts'
import { type RunOptions, type RunResult, runTests } from '../../../agent/policy-test/run.ts'
import { tempFolder } from '../../support/folder.ts'

const HEAD = `version: 1
spop: { listen: "tcp://127.0.0.1:9000" }
temporal: { address: "127.0.0.1:7233" }
identity:
  providers:
    corp: { issuer: "https://id.example.com", audience: [a], claims: { variables: { team: team } } }
    partner: { issuer: "https://partner.example.com", audience: [a] }
    keys: { kind: api_key, file: keys.txt, locations: [{ in: header, name: x-api-key }] }
    mesh: { kind: certificate, source: dns, allow: "**" }
`

/** A folder with an agent.yaml of these rules and an agent.test.yaml. */
export function folderOf(rules: string, tests: string): { config: string; file: string } {
  const folder = tempFolder()
  const config = join(folder, 'agent.yaml')
  const file = join(folder, 'agent.test.yaml')
  writeFileSync(config, `${HEAD}rules:\n${rules}`)
  writeFileSync(file, tests)
  return { config, file }
}

/** Runs tests of rules. */
export function run(rules: string, tests: string, options: RunOptions = {}): RunResult {
  return runTests([folderOf(rules, tests).file], options)
}

/** What is not as expected, each with its test and place: `name 7:20 status: expected 403, got 200`. */
export function failures({ results }: RunResult): string[] {
  return results.flatMap(({ name, differences }) =>
    differences.map(({ line, column, text }) => `${name} ${line}:${column} ${text}`),
  )
}

/** Problems of a file that is refused. */
export function problemsOf(rules: string, tests: string): Problem[] {
  try {
    run(rules, tests)
  } catch (error) {
    if (error instanceof ConfigError) return [...error.problems]
    throw error
  }
  throw new Error('the file is taken')
}
