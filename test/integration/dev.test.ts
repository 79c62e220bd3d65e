import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { ROOT } from '../../agent/dev/tools.ts'
import { RunningCommand } from '../support/command.ts'

interface OnceJson {
  ok: boolean
  versions: Record<string, string>
  requests: {
    name: string
    expected: number
    status: number
    decision: string | null
    workflowType: string | null
    workflowStatus: string | null
  }[]
  conservation: Record<string, number>
}

describe('haproxy-temporal dev', () => {
  const commands: RunningCommand[] = []
  const run = (args: string[], env: Record<string, string> = {}): RunningCommand => {
    const command = new RunningCommand(args, { env })
    commands.push(command)
    return command
  }
  afterEach(() => {
    for (const command of commands.splice(0)) command.dispose()
  })

  function expectNothingLeft(command: RunningCommand): void {
    expect(command.survivors()).toEqual([])
    expect(command.strayFiles()).toEqual([])
  }

  it('--once --json prints the object of the contract and nothing else, and leaves nothing behind', async () => {
    const command = run(['dev', '--once', '--json'])
    const { code, stdout, stderr } = await command.result
    expect(stderr).not.toMatch(/wrong|failed/)
    const report = JSON.parse(stdout) as OnceJson
    expect(report.requests.filter((request) => request.status !== request.expected)).toEqual([])
    expect(report.ok).toBe(true)
    expect(code).toBe(0)
    expect(new Set(report.requests.map(({ status }) => status))).toEqual(new Set([200, 400, 401, 403, 503]))
    expect(
      report.requests
        .filter(({ workflowType }) => workflowType !== null)
        .map(({ workflowType, workflowStatus }) => [workflowType, workflowStatus]),
    ).toEqual([
      ['requestHook', 'COMPLETED'],
      ['auditTrail', 'RUNNING'],
      ['usageMeter', 'RUNNING'],
      ['usageMeter', 'RUNNING'],
      ['usageMeter', 'RUNNING'],
    ])
    const { received, ...fates } = report.conservation
    expect(received).toBe(5)
    expect(Object.values(fates).reduce((sum, count) => sum + count, 0)).toBe(5)
    expect(Object.keys(report.versions)).toEqual(['agent', 'node', 'haproxy', 'temporal'])
    expectNothingLeft(command)
  })

  it('says where everything is, and ends it all on Ctrl-C', async () => {
    const command = run(['dev'])
    await command.untilStdout('Ctrl-C stops everything')
    expect(command.stdout).toMatch(/https:\/\/localhost:\d+/)
    expect(command.survivors().length).toBeGreaterThan(4)
    command.signal('SIGINT')
    expect((await command.result).code).toBe(0)
    expectNothingLeft(command)
  })

  it('ends what it had started when Ctrl-C comes in the middle of the start', async () => {
    const command = run(['dev', '--once'])
    await command.untilStderr('agent and worker')
    command.signal('SIGINT')
    expect((await command.result).code).toBe(1)
    expectNothingLeft(command)
  })

  it('ends what it had started when it is killed without a chance to', async () => {
    const command = run(['dev'])
    await command.untilStdout('Ctrl-C stops everything')
    command.signal('SIGKILL')
    await command.result
    const deadline = Date.now() + 30_000
    while (command.survivors().length > 0 && Date.now() < deadline)
      await new Promise((resolve) => setTimeout(resolve, 100))
    expect(command.survivors()).toEqual([])
  })

  it('ends what it had started when a part does not start, and shows what that part said', async () => {
    mkdirSync(join(ROOT, '.data'), { recursive: true })
    const broken = join(mkdtempSync(join(ROOT, '.data/broken-')), 'temporal')
    writeFileSync(
      broken,
      '#!/bin/sh\n[ "$1" = --version ] && echo "temporal version 0.0.0" && exit 0\necho "no space left" >&2\nexit 1\n',
      { mode: 0o755 },
    )
    const command = run(['dev', '--once'], { TEMPORAL_CLI: broken })
    const { code, stderr } = await command.result
    expect(code).toBe(1)
    rmSync(dirname(broken), { recursive: true })
    expect(stderr).toContain('temporal ended with exit code 1')
    expect(stderr).toContain('no space left')
    expectNothingLeft(command)
  })
})
