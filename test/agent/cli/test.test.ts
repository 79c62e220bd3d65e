import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { testCommand } from '../../../agent/cli/test.ts'
import { ConfigError } from '../../../agent/config/problem.ts'
import { ROOT } from '../../../agent/dev/tools.ts'
import { RunningCommand } from '../../support/command.ts'
import { tempFolder } from '../../support/folder.ts'
import { recordPrinted } from '../../support/printed.ts'

const AGENT = `version: 1
spop: { listen: "tcp://127.0.0.1:9000" }
temporal: { address: "127.0.0.1:7233" }
rules:
  - { name: health, match: { path: /healthz }, identity: none }
  - { name: closed, match: { path: "/closed/**" }, deny: 404 }
`
const TESTS = `tests:
  - { name: it is well, request: GET /healthz, expect: { decision: allow } }
  - { name: "a <b> & \\"c\\"", request: GET /elsewhere, expect: { decision: allow, status: 200 } }
`

const { printed } = recordPrinted()

async function test(...args: string[]): Promise<string | number | undefined> {
  process.exitCode = undefined
  await testCommand()
    .exitOverride()
    .configureOutput({ writeErr() {} })
    .parseAsync(args, { from: 'user' })
  return process.exitCode ?? undefined
}

function folderOf(tests = TESTS): string {
  const folder = tempFolder()
  writeFileSync(join(folder, 'agent.yaml'), AGENT)
  writeFileSync(join(folder, 'agent.test.yaml'), tests)
  return folder
}

describe('test', () => {
  it('passes for the shipped files, whose tests reach every rule', async () => {
    expect(await test('--config', join(ROOT, 'agent.yaml'), '--coverage', '100')).toBe(0)
    expect(printed.at(-1)).toMatch(/agent\.test\.yaml: \d+ passed, 0 failed$/)
  })

  it('prints a line for each failed test with its place, then coverage and a summary, and ends with 1', async () => {
    const folder = folderOf()
    expect(await test(join(folder, 'agent.test.yaml'))).toBe(1)
    expect(printed.map((line) => line.replaceAll(/\S*\/(?=agent\.)/g, ''))).toEqual([
      'agent.test.yaml:3:75: a <b> & "c": decision: expected allow, got deny; status: expected 200, got 403 (deny 403 default_denied, no rule)',
      'agent.yaml: 1 of 2 rules reached, 50 %; no test reached closed (line 6)',
      'agent.test.yaml: 1 passed, 1 failed',
    ])
  })

  it('fails for too little coverage, and only then', async () => {
    const file = join(folderOf(TESTS.split('\n').slice(0, 2).join('\n')), 'agent.test.yaml')
    expect(await test(file)).toBe(0)
    expect(await test(file, '--coverage', '50')).toBe(0)
    expect(await test(file, '--coverage', '50.1')).toBe(1)
    expect(printed).toContainEqual(expect.stringContaining('coverage is 50 %, 50.1 % are wanted'))
  })

  it('prints one object with --json', async () => {
    const file = join(folderOf(), 'agent.test.yaml')
    expect(await test(file, '--json')).toBe(1)
    expect(printed).toHaveLength(1)
    expect(JSON.parse(printed[0] ?? '')).toMatchObject({
      ok: false,
      summary: { tests: 2, passed: 1, failed: 1 },
      tests: [
        { ok: true, name: 'it is well', line: 2, differences: [] },
        {
          ok: false,
          happened: 'deny 403 default_denied, no rule',
          differences: [
            { path: 'decision', line: 3, column: 75, expected: 'allow', got: 'deny' },
            { path: 'status', line: 3, expected: 200, got: 403 },
          ],
        },
      ],
      coverage: [{ rules: 2, reached: 1, percent: 50, unreached: [{ rule: 'closed', line: 6 }] }],
    })
  })

  it('writes a report that XML readers understand', async () => {
    const folder = folderOf()
    const report = join(folder, 'report.xml')
    await test(join(folder, 'agent.test.yaml'), '--junit', report)
    const xml = readFileSync(report, 'utf8')
    expect(xml).toMatch(/^<\?xml version="1\.0" encoding="UTF-8"\?>\n<testsuites tests="2" failures="1" errors="0"/)
    expect(xml).toContain('<testcase name="it is well"')
    expect(xml).toContain('<testcase name="a &lt;b&gt; &amp; &quot;c&quot;"')
    expect(xml).toContain('<failure message="decision: expected allow, got deny; status: expected 200, got 403">')
    expect(xml.match(/<testcase /g)).toHaveLength(2)
  })

  it('takes patterns of files, each with the configuration beside it', async () => {
    const [a, b] = [folderOf(), folderOf()]
    const parent = tempFolder()
    for (const [name, from] of [
      ['a', a],
      ['b', b],
    ] as const) {
      mkdirSync(join(parent, name))
      for (const file of ['agent.yaml', 'agent.test.yaml']) {
        writeFileSync(join(parent, name, file), readFileSync(join(from, file)))
      }
    }
    expect(await test(`${parent}/**/*.test.yaml`, '--filter', 'well')).toBe(0)
    expect(printed).toEqual(['2 files: 2 passed, 0 failed'])
  })

  it('tests another configuration where --config names one', async () => {
    const folder = folderOf()
    const other = join(folder, 'other.yaml')
    writeFileSync(other, AGENT.replace('/healthz', '/elsewhere'))
    await test(join(folder, 'agent.test.yaml'), '--config', other, '--json')
    const { tests } = JSON.parse(printed[0] ?? '') as { tests: { ok: boolean }[] }
    expect(tests.map(({ ok }) => ok)).toEqual([false, true])
  })

  it.each([[['--coverage', '101']], [['--coverage', 'x']], [['--coverage', '50', '--filter', 'a']]])(
    'does not take %j',
    async (args) => {
      await expect(test(...args)).rejects.toMatchObject({ name: 'CommanderError' })
    },
  )

  it('tells where there is nothing to run', async () => {
    const folder = folderOf()
    await expect(test(join(folder, '*.nothing'))).rejects.toMatchObject({ code: 'TEST_NONE' })
    await expect(test(join(folder, 'agent.test.yaml'), '--filter', 'nope')).rejects.toMatchObject({ code: 'TEST_NONE' })
    await expect(test('--config', join(folder, 'none/agent.yaml'))).rejects.toMatchObject({ code: 'TEST_NONE' })
  })

  it('refuses a file that is wrong before it runs anything', async () => {
    const folder = folderOf('tests: []\n')
    await expect(test(join(folder, 'agent.test.yaml'))).rejects.toBeInstanceOf(ConfigError)
  })

  it('is a command with exit codes: 0 passed, 1 failed, 2 usage', async () => {
    const folder = folderOf()
    const codes = await Promise.all(
      [['--filter', 'well'], [], ['--coverage', 'x']].map(
        async (args) => (await new RunningCommand(['test', ...args], { cwd: folder }).result).code,
      ),
    )
    expect(codes).toEqual([0, 1, 2])
  })
})
