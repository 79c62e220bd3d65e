import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { reservePort } from '../../agent/dev/ports.ts'
import { waitUntil } from '../../agent/dev/process.ts'
import { ROOT } from '../../agent/dev/tools.ts'
import { replaceKeys } from '../agent/crypto/support/keys.ts'
import { RunningCommand } from '../support/command.ts'
import { newFolder, removeFolder } from '../support/folder.ts'

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
    workflowResult: unknown
    failures?: string[]
  }[]
  conservation: Record<string, number>
}

const READY = 'Ctrl-C stops everything'

describe('haproxy-temporal dev', () => {
  const commands: RunningCommand[] = []
  /** Where it runs: the repository's own `.data` belongs to whoever works there. */
  let cwd: string
  beforeEach(() => {
    cwd = newFolder()
  })
  afterEach(async () => {
    for (const command of commands) command.dispose()
    await waitUntil('everything to be gone', async () => commands.every((command) => command.survivors().length === 0))
    commands.length = 0
    removeFolder(cwd)
  })

  const shipped = { config: join(ROOT, 'agent.yaml'), haproxy: join(ROOT, 'haproxy.cfg') }
  const run = (args: string[], env: Record<string, string> = {}, own: Partial<typeof shipped> = {}): RunningCommand => {
    const { config, haproxy } = { ...shipped, ...own }
    const files = ['--config', config, '--haproxy', haproxy, '--spoe', join(ROOT, 'spoe.conf')]
    const command = new RunningCommand(['dev', ...args, ...files], { env, cwd })
    commands.push(command)
    return command
  }
  const onceFolders = (): string[] =>
    existsSync(join(cwd, '.data')) ? readdirSync(join(cwd, '.data')).filter((name) => name.startsWith('once-')) : []
  /** The shipped file with something replaced. */
  const variant = (name: string, from: string, to: string): string => {
    const text = readFileSync(join(ROOT, name), 'utf8')
    expect(text).toContain(from)
    writeFileSync(join(cwd, name), text.replace(from, to))
    return join(cwd, name)
  }
  function expectNothingLeft(command: RunningCommand): void {
    expect(command.survivors()).toEqual([])
    expect(command.strayFiles()).toEqual([])
  }

  it('--once --json prints the object of the contract and nothing else, and leaves nothing behind', async () => {
    const command = run(['--once', '--json'])
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
    expect(onceFolders()).toEqual([])
  })

  it('--once reads what workflows write where payloads are encrypted', async () => {
    replaceKeys(join(cwd, 'keys.yaml'), 'a')
    const encrypted = '\n  payloadKeys: { file: keys.yaml }\n  namespace: '
    const config = variant('agent.yaml', '\n  namespace: ', encrypted)
    const { code, stdout } = await run(['--once', '--json'], {}, { config }).result
    const report = JSON.parse(stdout) as OnceJson
    expect(report.requests.flatMap(({ failures = [] }) => failures)).toEqual([])
    expect([report.ok, code]).toEqual([true, 0])
    const [order] = report.requests.filter(({ workflowType }) => workflowType === 'requestHook')
    expect(order).toMatchObject({ workflowStatus: 'COMPLETED', workflowResult: { handledBy: 'create-order' } })
  })

  it('says where everything is, starts its logs anew, and ends it all on Ctrl-C', async () => {
    const taken = await reservePort()
    const old = '{"request":"of an earlier run"}\n'
    mkdirSync(join(cwd, '.data'))
    writeFileSync(join(cwd, '.data/haproxy.log'), old.repeat(1000))
    const command = run([], { EDGE_HTTPS: `127.0.0.1:${taken}` })
    await command.untilStdout(READY)
    const port = /https:\/\/localhost:(\d+)/.exec(command.stdout)?.[1]
    expect(command.stdout).toContain(`${taken} was taken: ${port}`)
    for (const address of [/http:\/\/localhost:\d+/, /SPOP 127\.0\.0\.1:\d+/, /\d+\/metrics/, /task queue edge/])
      expect(command.stdout).toMatch(address)
    for (const address of [/Temporal +127\.0\.0\.1:\d+ +http:\/\/127/, /app 127\.0\.0\.1:\d+ +orders 127\.0\.0\.1:\d+/])
      expect(command.stdout).toMatch(address)
    expect(command.survivors().length).toBeGreaterThan(4)
    expect(readFileSync(join(cwd, '.data/haproxy.log'), 'utf8')).not.toContain(old)

    // Beside it, another one would use the same databases.
    const second = await run(['--json']).result
    expect(second.code).toBe(1)
    expect(JSON.parse(second.stdout)).toMatchObject({
      ok: false,
      message: expect.stringContaining('dev is already running in this folder') as unknown,
    })

    command.signal('SIGINT')
    expect((await command.result).code).toBe(0)
    expectNothingLeft(command)
  })

  it('--json says where everything is as one object', async () => {
    const command = run(['--json'])
    await command.untilStdout('\n')
    command.signal('SIGTERM')
    const { code, stdout } = await command.result
    expect(code).toBe(0)
    const { edge, taskQueues, ...rest } = JSON.parse(stdout) as Record<string, unknown>
    expect(edge).toEqual({
      https: expect.stringMatching(/^https:\/\/localhost:\d+$/) as unknown,
      http: expect.stringMatching(/^http:\/\/localhost:\d+$/) as unknown,
    })
    expect(taskQueues).toEqual(['edge'])
    expect(rest['ok']).toBe(true)
    expect(Object.keys(rest).toSorted()).toEqual(
      ['admin', 'ca', 'logs', 'ok', 'provider', 'spop', 'taken', 'temporal', 'upstreams'].toSorted(),
    )
    expectNothingLeft(command)
  })

  it.each(['• Temporal', 'agent and worker', 'waiting until', '• HAProxy'])(
    'ends what it had started when Ctrl-C comes in the middle of the start, at "%s"',
    async (moment) => {
      const command = run(['--once', '--json'])
      await command.untilStderr(moment)
      command.signal('SIGINT')
      const { code, stdout, stderr } = await command.result
      expect(code).toBe(1)
      expect(JSON.parse(stdout)).toMatchObject({ ok: false, code: 'INTERRUPTED' })
      expect(stderr.split('SIGINT: stopping').at(-1)?.trim()).toBe('')
      expectNothingLeft(command)
      expect(onceFolders()).toEqual([])
    },
  )

  it('ends what it had started when it is killed without a chance to', async () => {
    const command = run([])
    await command.untilStdout(READY)
    command.signal('SIGKILL')
    await command.result
    await waitUntil('everything to be gone', async () => command.survivors().length === 0)
    await expect(command.untilStdout('its last words')).rejects.toThrow('ended before "its last words"')
  })

  it('ends what it had started when a part does not start, shows what that part said, and keeps the logs', async () => {
    const broken = join(cwd, 'temporal')
    writeFileSync(
      broken,
      '#!/bin/sh\n[ "$1" = --version ] && echo "temporal version 0.0.0" && exit 0\necho "no space left" >&2\nexit 1\n',
      { mode: 0o755 },
    )
    const command = run(['--once'], { TEMPORAL_CLI: broken })
    const { code, stderr } = await command.result
    expect(code).toBe(1)
    expect(stderr).toContain('temporal ended with exit code 1 before it was ready')
    expect(stderr).toContain('no space left')
    const [kept] = onceFolders()
    expect(stderr).toContain(`logs are in .data/${kept}`)
    expectNothingLeft(command)
  })

  it('says what is wrong with agent.yaml before it starts anything', async () => {
    const config = variant('agent.yaml', '"buyer" in identity.roles', '"buyer" inn identity.roles')
    const { code, stderr } = await run(['--once'], {}, { config }).result
    expect(code).toBe(1)
    expect(stderr).toMatch(/^\S+agent\.yaml:\d+:\d+: error CONFIG_CEL/)
    expect(stderr).not.toContain('•')
    expect(onceFolders()).toEqual([])
  })

  it('says what HAProxy refuses before it starts anything, as JSON when asked', async () => {
    const haproxy = variant('haproxy.cfg', 'balance roundrobin', 'balance rondrobin')
    const { code, stdout, stderr } = await run(['--json'], {}, { haproxy }).result
    expect(code).toBe(1)
    expect(JSON.parse(stdout)).toMatchObject({ ok: false, problems: [{ code: 'HAPROXY_REFUSES', file: haproxy }] })
    expect(stderr).not.toContain('•')
  })
})
