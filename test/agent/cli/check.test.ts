import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, vi } from 'vitest'
import { checkCommand } from '../../../agent/cli/check.ts'
import { ConfigError, type Problem, renderProblem } from '../../../agent/config/problem.ts'
import { ROOT } from '../../../agent/dev/tools.ts'
import { tempFolder } from '../../support/folder.ts'
import { recordPrinted } from '../../support/printed.ts'

const TEXT = `version: 1
spop: { listen: "tcp://127.0.0.1:9000", deadline: 40 }
temporal: { address: "127.0.0.1:7233" }
rules:
  - { name: a, identity: none, mach: {} }
`

const { printed } = recordPrinted()

/** `check` of a file, as the command line calls it. */
async function check(config: string, ...more: string[]): Promise<void> {
  await checkCommand().parseAsync(['--config', config, ...more], { from: 'user' })
}

function fileOf(text: string): string {
  const file = join(tempFolder(), 'agent.yaml')
  writeFileSync(file, text)
  return file
}

describe('check of an agent.yaml that is wrong', () => {
  it('prints with --json place, caret, hint and code of every problem, in the form of every other check', async () => {
    const file = fileOf(TEXT)
    await check(file, '--json')
    expect(printed).toHaveLength(1)
    expect(JSON.parse(printed[0] ?? '')).toEqual({
      ok: false,
      haproxy: null,
      summary: { errors: 2, warnings: 0, fixable: 0 },
      changes: [],
      problems: [
        {
          code: 'CONFIG_DURATION',
          severity: 'error',
          fixable: false,
          file,
          line: 2,
          column: 51,
          length: 2,
          message: 'deadline: expected a duration such as 40ms',
          hint: 'Write the unit: 40ms, 40s or 40m.',
          source: 'spop: { listen: "tcp://127.0.0.1:9000", deadline: 40 }',
          caret: `${' '.repeat(50)}^^`,
        },
        {
          code: 'CONFIG_UNKNOWN_KEY',
          severity: 'error',
          fixable: false,
          file,
          line: 5,
          column: 32,
          length: 4,
          message: 'unknown key "mach" in rules[0]',
          hint: 'Did you mean "match"?',
          source: '  - { name: a, identity: none, mach: {} }',
          caret: `${' '.repeat(31)}^^^^`,
        },
      ],
    })
    expect(process.exitCode).toBe(1)
  })

  it('says the same to people', async () => {
    const file = fileOf(TEXT)
    const error: unknown = await check(file).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(ConfigError)
    const [, second] = (error as ConfigError).problems
    expect(renderProblem(second as Problem)).toBe(
      [
        `${file}:5:32: error CONFIG_UNKNOWN_KEY: unknown key "mach" in rules[0]`,
        '  5 |   - { name: a, identity: none, mach: {} }',
        '    |                                ^^^^',
        '  hint: Did you mean "match"?',
      ].join('\n'),
    )
  })

  it.each([
    ['does not exist', () => join(tempFolder(), 'none.yaml'), 'there is no such file', 'Check the path'],
    [
      'is a folder',
      () => {
        const folder = join(tempFolder(), 'agent.yaml')
        mkdirSync(folder)
        return folder
      },
      'it is a folder',
      'Name the file in it',
    ],
  ])('tells of a file that %s', async (_, make, message, hint) => {
    const file = make()
    await check(file, '--json')
    const { ok, problems } = JSON.parse(printed[0] ?? '') as { ok: boolean; problems: Problem[] }
    expect(ok).toBe(false)
    expect(problems).toHaveLength(1)
    expect(problems[0]).toMatchObject({ code: 'CONFIG_UNREADABLE', file, line: 0, column: 0 })
    expect(problems[0]?.message).toContain(message)
    expect(problems[0]?.hint).toContain(hint)
  })
})

it('a secret whose file is missing is told at its place, before the agent starts', async () => {
  vi.stubEnv('HAPROXY', join(tempFolder(), 'none'))
  const file = fileOf(`version: 1
spop: { listen: "tcp://127.0.0.1:9000" }
temporal: { address: "127.0.0.1:7233" }
identity: { rateLimitKey: { file: limits.secret } }
rules: []
`)
  await check(file, '--json', '--haproxy', join(ROOT, 'haproxy.cfg'), '--spoe', join(ROOT, 'spoe.conf'))
  const { problems } = JSON.parse(printed[0] ?? '') as { problems: Problem[] }
  expect(problems.filter(({ code }) => code === 'CONFIG_FILE_MISSING')).toMatchObject([
    {
      line: 4,
      column: 35,
      length: 13,
      caret: `${' '.repeat(34)}${'^'.repeat(13)}`,
      message: expect.stringContaining('limits.secret: ENOENT') as string,
      hint: expect.stringContaining('must exist and be readable') as string,
    },
  ])
  vi.unstubAllEnvs()
})
