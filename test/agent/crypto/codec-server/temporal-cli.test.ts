import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { Client, Connection } from '@temporalio/client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { findTemporal } from '../../../../agent/dev/tools.ts'
import { Secret } from '../../../../agent/secrets/secret.ts'
import { type TestTemporal, startTestTemporal } from '../../../support/temporal.ts'
import { startTestServer } from './support.ts'

const TOKEN = 'canary-codec-token-3'

let temporal: TestTemporal
let client: Client
beforeAll(async () => {
  temporal = await startTestTemporal()
  client = new Client({ connection: await Connection.connect({ address: temporal.address }) })
}, 90_000)
afterAll(async () => {
  await client?.connection.close()
  await temporal?.stop()
})

/** Temporal's own command line. */
async function run(...args: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(findTemporal(), ['workflow', ...args, '--address', temporal.address])
  return stdout
}

describe("Temporal's command line", { timeout: 60_000 }, () => {
  test('encrypts what it sends and shows what is encrypted, by the codec server', async () => {
    const { cipher, url, log } = await startTestServer({ token: { current: new Secret(TOKEN) } })
    const codec = ['--codec-endpoint', `${url}/{namespace}`, '--codec-auth', `Bearer ${TOKEN}`]
    const at = ['--workflow-id', 'cli-1']
    await run('start', ...at, '--type', 'work', '--task-queue', 'q', '--input', '"canary-input"', ...codec)
    // As the agent does.
    const payload = cipher.encode({
      metadata: { encoding: Buffer.from('json/plain') },
      data: Buffer.from('"canary-signal"'),
    })
    await client.workflowService.signalWorkflowExecution({
      namespace: 'default',
      workflowExecution: { workflowId: 'cli-1' },
      signalName: 'add',
      input: { payloads: [payload] },
    })
    const kept = await run('show', ...at, '--output', 'json')
    expect(kept).toContain('encryption-key-id')
    // In JSON the command line shows payloads as they are, in Base64.
    const plain = ['"canary-input"', '"canary-signal"'].map((text) => Buffer.from(text).toString('base64'))
    for (const text of plain) expect(kept).not.toContain(text)
    const shown = await run('show', ...at, '--output', 'json', ...codec)
    for (const text of plain) expect(shown).toContain(text)
    expect(log.lines.join()).toContain('"namespace":"default"')
  })
})
