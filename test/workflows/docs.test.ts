import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Client, Connection } from '@temporalio/client'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { loadConfig } from '../../agent/config/load.ts'
import { ROOT } from '../../agent/dev/tools.ts'
import { EVENT_SIGNAL } from '../../agent/messages.ts'
import { compileRules } from '../../agent/rules/compile.ts'
import * as shipped from '../../workflows/workflows/index.ts'
import { historyToJson } from '../../workflows/history-json.ts'
import { codeBlock, codeBlocks, docsPage } from '../support/docs.ts'
import { newFolder, removeFolder } from '../support/folder.ts'
import { startTestTemporal, type TestTemporal } from '../support/temporal.ts'
import { actor, event, signalFromEdge } from './support/edge.ts'

const run = promisify(execFile)
/** Bounds a wait that would otherwise never end; nothing is measured by it. */
const EVENTUALLY = { timeout: 60_000, interval: 100 }
const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { exports: Record<string, string> }
const page = docsPage('workflows.md')
const [workflows = '', activities = '', worker = '', signed = '', replay = ''] = codeBlocks(page, 'ts')

/** The sources of this repository in the place of the package, whose own test is test/agent/exports/package.test.ts. */
function onSources(code: string): string {
  return code
    .replaceAll(/'haproxy-temporal\/([^']+)'/g, (_, name: string) => `'${sourceOf(name)}'`)
    .replaceAll(/'\.\/(\w+)\.js'/g, "'./$1.ts'")
}

function sourceOf(name: string): string {
  const built = manifest.exports[`./${name}`]
  if (built === undefined) throw new Error(`the package does not export ${name}`)
  return join(ROOT, built.replace('./dist/', '').replace(/js$/, 'ts'))
}

/** What Node needs to run the sources. */
const FLAGS = ['--conditions=node-spoe-source', '--disable-warning=ExperimentalWarning']

describe('docs/workflows.md', () => {
  let folder: string
  let server: TestTemporal
  let client: Client
  beforeAll(async () => {
    folder = newFolder()
    for (const [name, code] of Object.entries({ workflows, activities, worker, signed, replay })) {
      writeFileSync(join(folder, `${name}.ts`), onSources(code))
    }
    server = await startTestTemporal()
    client = new Client({ connection: await Connection.connect({ address: server.address }) })
  }, 90_000)
  afterAll(async () => {
    await client?.connection.close()
    await server?.stop()
    removeFolder(folder)
  })

  it('names every workflow that ships', () => {
    for (const name of Object.keys(shipped)) expect(page).toContain(`| \`${name}\` |`)
  })

  it('its configuration compiles, and names the queue and the workflow of its code', () => {
    const file = join(folder, 'agent.yaml')
    writeFileSync(file, codeBlock(page, 'yaml'))
    const loaded = loadConfig(file, {})
    const [rule] = compileRules(loaded.config, loaded.document).rules
    expect(rule?.workflow?.action).toMatchObject({ workflowType: 'exportOrders', taskQueue: 'export' })
    expect(workflows).toContain('export async function exportOrders(')
    expect(worker).toContain("taskQueue: 'export'")
  })

  it('its code compiles', { timeout: 60_000 }, async () => {
    const compilerOptions = { rewriteRelativeImportExtensions: false }
    const config = { extends: join(ROOT, 'tsconfig.json'), compilerOptions, include: ['*.ts'] }
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config))
    const tsc = join(ROOT, 'node_modules/typescript/bin/tsc')
    const { stdout } = await run(process.execPath, [tsc, '-p', folder]).catch((error: { stdout: string }) => error)
    expect(stdout).toBe('')
  })

  it('its workflow exports each event once, and its history replays by its code', { timeout: 120_000 }, async () => {
    const env = { ...process.env, TEMPORAL_ADDRESS: server.address }
    const child = spawn(process.execPath, [...FLAGS, join(folder, 'worker.ts')], { env, cwd: folder })
    const exported = batchesOf(child)
    try {
      const by = actor('ann')
      const start = { taskQueue: 'export', workflowType: 'exportOrders', workflowId: 'orders/acme', by }
      const send = (n: number) =>
        signalFromEdge(
          client,
          { ...start, input: { rule: 'orders', key: 'acme' } },
          EVENT_SIGNAL,
          event(`${n}`, 'orders', by),
        )
      for (let n = 0; n < 60; n++) await send(n)
      for (let n = 0; n < 60; n += 7) await send(n)
      const handle = client.workflow.getHandle('orders/acme')
      await vi.waitFor(async () => {
        expect(await handle.query('progress')).toEqual({ total: 60, waiting: 0 })
      }, EVENTUALLY)
      await vi.waitFor(() => expect(exported().orders).toBe(60), EVENTUALLY)
      expect(exported().largest).toBeLessThanOrEqual(50)
      mkdirSync(join(folder, 'histories/exportOrders'), { recursive: true })
      writeFileSync(join(folder, 'histories/exportOrders/1.0.0.json'), historyToJson(await handle.fetchHistory()))
    } finally {
      child.kill('SIGKILL')
    }
    await run(process.execPath, [...FLAGS, join(folder, 'replay.ts')], { cwd: folder })
  })
})

/** What the activity has printed, each key counted once. */
function batchesOf(child: ChildProcess): () => { orders: number; largest: number } {
  const batches = new Map<string, number>()
  let rest = ''
  child.stdout?.on('data', (chunk: Buffer) => {
    const lines = (rest + chunk.toString()).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) {
      const [, count, key] = /^acme: (\d+) orders under (\S+)$/.exec(line) ?? []
      if (key !== undefined) batches.set(key, Number(count))
    }
  })
  return () => {
    const counts = [...batches.values()]
    return { orders: counts.reduce((sum, count) => sum + count, 0), largest: Math.max(0, ...counts) }
  }
}
