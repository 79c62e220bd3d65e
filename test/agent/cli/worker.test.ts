import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it, vi } from 'vitest'
import { findTemporal } from '../../../agent/dev/tools.ts'
import { RunningCommand } from '../../support/command.ts'
import { tempFolder } from '../../support/folder.ts'
import { startTestTemporal } from '../../support/temporal.ts'

const run = promisify(execFile)

function configFor(address: string): string {
  const file = join(tempFolder(), 'agent.yaml')
  writeFileSync(
    file,
    `version: 1
spop: { listen: ["tcp://127.0.0.1:9000"] }
temporal: { address: "${address}" }
rules: [{ name: health, match: { path: /healthz }, identity: none }]
default: { deny: 403 }
`,
  )
  return file
}

async function refusal(...args: string[]): Promise<[number | null, string]> {
  const command = new RunningCommand(['worker', ...args])
  const { code, stderr } = await command.result
  command.dispose()
  return [code, stderr.split('\n')[0] ?? '']
}

describe('worker --deployment', () => {
  it('wants a whole version', async () => {
    expect(await refusal('--deployment', 'edge')).toEqual([2, 'error: --deployment needs --build-id'])
    expect(await refusal('--build-id', '7')).toEqual([2, 'error: --build-id needs --deployment'])
    expect(await refusal('--deployment', 'edge', '--build-id', '')).toEqual([2, 'error: a build id is not empty'])
    const [code, message] = await refusal('--deployment', 'edge.1', '--build-id', '7')
    expect([code, message]).toEqual([2, expect.stringContaining('no "." or ":" in it')])
  })

  it('is a version that Temporal knows', { timeout: 120_000 }, async () => {
    const server = await startTestTemporal()
    const args = ['--config', configFor(server.address), '--deployment', 'edge', '--build-id', '7.1']
    const command = new RunningCommand(['worker', ...args])
    try {
      await command.untilStderr('worker is running')
      const describe = ['worker', 'deployment', 'describe', '--name', 'edge', '--output', 'json']
      await vi.waitFor(
        async () => {
          const { stdout } = await run(findTemporal(), [...describe, '--address', server.address])
          expect(stdout).toContain('"7.1"')
        },
        { timeout: 60_000, interval: 200 },
      )
      command.signal('SIGTERM')
      expect((await command.result).code).toBe(0)
    } finally {
      command.dispose()
      await server.stop()
    }
  })
})
