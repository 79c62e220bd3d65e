import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ensureCertificates } from '../../agent/dev/certificates.ts'
import { reservePort } from '../../agent/dev/ports.ts'
import { waitUntil } from '../../agent/dev/process.ts'
import { ROOT } from '../../agent/dev/tools.ts'
import { RunningCommand } from '../support/command.ts'
import { newFolder, removeFolder } from '../support/folder.ts'

const OIDC_ISSUER = 'http://127.0.0.1:1'

describe('the commands', () => {
  const commands: RunningCommand[] = []
  let folder: string
  let certificate: string
  beforeEach(async () => {
    folder = newFolder()
    certificate = (await ensureCertificates(join(folder, 'tls'))).edge
  })
  afterEach(() => {
    for (const command of commands.splice(0)) command.dispose()
    removeFolder(folder)
  })
  const run = (args: string[], env: Record<string, string | undefined> = {}): RunningCommand => {
    const command = new RunningCommand(args, { env: { OIDC_ISSUER, TLS_CERT: certificate, ...env } })
    commands.push(command)
    return command
  }
  /** The shipped file with something replaced. */
  const variant = (name: string, from: string | RegExp, to: string): string => {
    const text = readFileSync(join(ROOT, name), 'utf8')
    expect(text).toMatch(from)
    const file = join(folder, name)
    writeFileSync(file, text.replace(from, to))
    return file
  }

  describe('serve', () => {
    it('starts without Temporal and without its provider, says where it listens, and tells through /readyz', async () => {
      const ports = { SPOP_PORT: String(await reservePort()), ADMIN_PORT: String(await reservePort()) }
      const command = run(['serve', '--config', 'agent.yaml'], {
        ...ports,
        OUTBOX_PATH: join(folder, 'outbox.db'),
        TEMPORAL_ADDRESS: '127.0.0.1:1',
        SPOP_DRAIN: '0s',
      })
      const admin = `http://127.0.0.1:${ports.ADMIN_PORT}`
      await command.untilStderr('listening:')
      const line = command.stderr.split('\n').find((text) => text.includes('listening:'))
      expect(line).toContain(`SPOP on tcp://127.0.0.1:${ports.SPOP_PORT}; admin on ${admin}`)

      expect((await fetch(`${admin}/healthz`)).status).toBe(200)
      const readiness = await fetch(`${admin}/readyz`)
      expect(readiness.status).toBe(503)
      expect(await readiness.json()).toMatchObject({
        ready: false,
        draining: false,
        providers: [{ provider: 'corp', keys: 0 }],
      })
      const metrics = await (await fetch(`${admin}/metrics`)).text()
      expect(metrics).toContain('haproxy_temporal_decisions_total{rule="create-order",reason="ok"} 0')

      const doctor = run(['doctor', '--json'], ports)
      const { code, stdout } = await doctor.result
      expect(code).toBe(1)
      const spop = `tcp://127.0.0.1:${ports.SPOP_PORT}`
      expect(JSON.parse(stdout)).toMatchObject({
        ok: false,
        findings: [
          { check: `health check on ${spop}`, ok: true, detail: expect.stringContaining('frames up to 16380 bytes') },
          { check: `question and answer on ${spop}`, ok: true },
          { check: 'ready', ok: false },
          { check: 'provider corp', ok: false, hint: expect.stringContaining('issuer') },
          { check: 'Temporal', ok: null },
          { check: 'outbox', ok: true, detail: 'no dead letters' },
        ],
      })

      command.signal('SIGTERM')
      expect((await command.result).code).toBe(0)
      expect(command.survivors()).toEqual([])
    })

    it('doctor says of an agent that does not run what to look at', async () => {
      const ports = { SPOP_PORT: String(await reservePort()), ADMIN_PORT: String(await reservePort()) }
      const { code, stdout } = await run(['doctor'], ports).result
      expect(code).toBe(1)
      expect(stdout).toMatch(/^✗ health check on tcp:.*ECONNREFUSED/m)
      expect(stdout).toMatch(/^ +hint: Is "serve" running/m)
      expect(stdout).toMatch(/^✗ ready .*ECONNREFUSED/m)
    })

    it('runs its decisions in real time when told so, or says why it cannot', async () => {
      const command = run(
        ['serve', '--config', variant('agent.yaml', '  deadline:', '  scheduling: realtime\n  deadline:')],
        {
          SPOP_PORT: String(await reservePort()),
          ADMIN_PORT: String(await reservePort()),
          OUTBOX_PATH: join(folder, 'outbox.db'),
          SPOP_DRAIN: '0s',
        },
      )
      await command.untilStderr('listening:')
      // The 41st field: the policy of sched(7), 2 is SCHED_RR.
      const policy = readFileSync(`/proc/${command.pid}/stat`, 'utf8').split(') ')[1]?.split(' ')[38]
      const refused = command.stderr.includes('spop.scheduling: not in real time')
      expect([policy, refused]).toEqual(refused ? ['0', true] : ['2', false])
      command.signal('SIGTERM')
      expect((await command.result).code).toBe(0)
    })

    it('refuses an address that is taken with one line, and ends', async () => {
      const admin = { ADMIN_PORT: String(await reservePort()), OUTBOX_PATH: join(folder, 'outbox.db') }
      const first = run(['serve'], { ...admin, SPOP_PORT: String(await reservePort()), SPOP_DRAIN: '0s' })
      await first.untilStderr('listening:')
      const second = run(['serve'], {
        ...admin,
        SPOP_PORT: String(await reservePort()),
        OUTBOX_PATH: join(folder, 'other.db'),
      })
      const { code, stderr } = await second.result
      expect(code).toBe(1)
      expect(stderr).toContain('EADDRINUSE')
      first.signal('SIGTERM')
      await first.result
    })

    it('prints every error of a configuration with its place, and exits 1', async () => {
      const file = variant('agent.yaml', 'route: orders', 'rout: orders')
      const { code, stderr } = await run(['serve', '--config', file]).result
      expect(code).toBe(1)
      expect(stderr).toMatch(/agent\.yaml:\d+:5: error CONFIG_UNKNOWN_KEY: unknown key "rout"/)
      expect(stderr).toContain('hint: Did you mean "route"?')
    })
  })

  describe('worker', () => {
    it('waits for a Temporal that is not there, and stops when asked', async () => {
      const command = run(['worker'], { TEMPORAL_ADDRESS: '127.0.0.1:1' })
      await command.untilStderr('serving task queues edge')
      command.signal('SIGTERM')
      expect((await command.result).code).toBe(0)
      await waitUntil('it to be gone', async () => command.survivors().length === 0)
    })
  })

  describe('check', () => {
    it('finds nothing to say about the shipped files', async () => {
      const { code, stdout } = await run(['check']).result
      expect(stdout).toContain('agent.yaml, haproxy.cfg, spoe.conf: no problems')
      expect(code).toBe(0)
    })

    it('names the environment variable that is missing', async () => {
      const { code, stderr } = await run(['check'], { OIDC_ISSUER: undefined }).result
      expect(stderr).toMatch(/agent\.yaml:\d+:\d+: error CONFIG_ENV_UNSET: environment variable OIDC_ISSUER is not set/)
      expect(code).toBe(1)
    })

    it('finds a route without a backend, and prints JSON when asked', async () => {
      const file = variant('agent.yaml', 'route: orders', 'route: order')
      const { code, stdout } = await run(['check', '--json', '--config', file]).result
      const report = JSON.parse(stdout) as { ok: boolean; problems: { code: string; hint: string }[] }
      expect(report.ok).toBe(false)
      expect(report.problems).toMatchObject([{ code: 'HAPROXY_BACKEND_MISSING', hint: 'Did you mean "orders"?' }])
      expect(code).toBe(1)
    })

    it('passes on what HAProxy itself refuses', async () => {
      const file = variant('haproxy.cfg', 'balance roundrobin', 'balance rondrobin')
      const { code, stdout } = await run(['check', '--haproxy', file], { SPOE_CONF: join(ROOT, 'spoe.conf') }).result
      expect(stdout).toMatch(/haproxy\.cfg:\d+:1: error HAPROXY_REFUSES: balance only supports/)
      expect(code).toBe(1)
    })
  })

  it('version prints what there is, as JSON too', async () => {
    const { code, stdout } = await run(['version', '--json']).result
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({ agent: '0.1.0', node: process.versions.node })
  })

  it('version knows nothing of tools that do not work', async () => {
    const tool = (name: string, body: string): string => {
      const file = join(folder, name)
      writeFileSync(file, `#!/bin/sh\n${body}\n`, { mode: 0o755 })
      return file
    }
    const env = { HAPROXY: tool('haproxy', 'echo broken >&2; exit 1'), TEMPORAL_CLI: tool('temporal', 'exit 0') }
    const { code, stdout, stderr } = await run(['version', '--json'], env).result
    expect(JSON.parse(stdout)).toMatchObject({ agent: '0.1.0', haproxy: null, temporal: null })
    expect(stderr).toBe('')
    expect(code).toBe(0)
  })

  it('a usage error exits 2, and says where help is', async () => {
    const { code, stderr } = await run(['serv']).result
    expect(code).toBe(2)
    expect(stderr).toContain('Did you mean serve?')
    expect(stderr).toContain('--help shows what there is')
  })

  it('a usage error of a command does so too, as JSON when asked', async () => {
    const { code, stdout, stderr } = await run(['dev', '--onc', '--json']).result
    expect(code).toBe(2)
    expect(stderr).toContain('--help shows what there is')
    expect(JSON.parse(stdout)).toEqual({
      ok: false,
      code: 'USAGE',
      message: "unknown option '--onc' (Did you mean --once?)",
      hint: '--help shows what there is.',
    })
  })
})
