import { glob, readFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { bundleWorkflowCode, DefaultLogger, Worker, type ReplayWorkerOptions } from '@temporalio/worker'
import { expect, test } from 'vitest'
import { workflowBundle } from '../../workflows/bundle.ts'
import { historyFromJson, historyToJson } from '../../workflows/history-json.ts'
import { recordHistories } from '../../workflows/record-histories.ts'
import { withFolder } from '../support/folder.ts'
import { installQuietRuntime } from './support/workbench.ts'
import { startTestTemporal } from '../support/temporal.ts'

const FOLDER = join(import.meta.dirname, '..', '..', 'workflows', 'histories')

installQuietRuntime()

async function files(folder: string): Promise<string[]> {
  const found: string[] = []
  for await (const file of glob('*/*.json', { cwd: folder })) found.push(file)
  return found.sort()
}

async function recorded(folder: string) {
  return Promise.all(
    (await files(folder)).map(async (file) => ({
      workflowId: file,
      workflow: basename(dirname(file)),
      history: historyFromJson(await readFile(join(folder, file), 'utf8')),
    })),
  )
}

/** What each history does to the workflows of a bundle: null when it replays. */
async function replay(folder: string, workflowBundle: NonNullable<ReplayWorkerOptions['workflowBundle']>) {
  const results: Record<string, string | null> = {}
  const histories = await recorded(folder)
  for await (const { workflowId, error } of Worker.runReplayHistories({ workflowBundle }, histories)) {
    results[workflowId] = error?.name ?? null
  }
  return results
}

/** Every workflow has one of the first release, and each shape of its signals one. */
const RECORDED = {
  'auditTrail/0.1.0.json': null,
  'requestHook/0.1.0.json': null,
  'trafficWindow/0.1.0.json': null,
  'usageMeter/0.1.0-chunks.json': null,
  'usageMeter/0.1.0.json': null,
}

test('every recorded history replays on the workflows of today', { timeout: 60_000 }, async () => {
  expect(await replay(FOLDER, await workflowBundle())).toEqual(RECORDED)
})

test('and on those of workers that are versions of a deployment', { timeout: 60_000 }, async () => {
  expect(await replay(FOLDER, await workflowBundle({ versioned: true }))).toEqual(RECORDED)
})

test('and on those of workers that encrypt: keys may come while workflows run', { timeout: 60_000 }, async () => {
  expect(await replay(FOLDER, await workflowBundle({ encrypted: true }))).toEqual(RECORDED)
})

test('a workflow that does other things than it did is caught', { timeout: 60_000 }, async () => {
  const changed = await bundleWorkflowCode({
    workflowsPath: join(import.meta.dirname, 'support', 'changed-workflows.ts'),
    logger: new DefaultLogger('ERROR'),
  })
  const violation = 'DeterminismViolationError'
  expect(await replay(FOLDER, changed)).toEqual({
    ...RECORDED,
    'requestHook/0.1.0.json': violation,
    'trafficWindow/0.1.0.json': violation,
    'usageMeter/0.1.0-chunks.json': violation,
    'usageMeter/0.1.0.json': violation,
  })
})

test('histories go through JSON unchanged, and name neither machine nor process', async () => {
  for (const file of await files(FOLDER)) {
    const text = await readFile(join(FOLDER, file), 'utf8')
    expect(`${historyToJson(historyFromJson(text))}\n`).toBe(text)
    expect([...text.matchAll(/"identity": "([^"]*)"/g)].map((match) => match[1])).toSatisfy((names: string[]) =>
      names.every((name) => name === 'recorder'),
    )
  }
})

test('histories recorded now replay, and cover what the kept ones cover', { timeout: 120_000 }, async () => {
  const server = await startTestTemporal()
  try {
    await withFolder(async (folder) => {
      await recordHistories({ address: server.address, namespace: 'default', folder })
      const results = await replay(folder, await workflowBundle())
      expect(Object.values(results)).toEqual(Object.values(RECORDED))
      const ends = async (of: string) =>
        (await recorded(of)).map(({ workflow, history }) => [workflow, history.events?.at(-1)?.eventType])
      expect(await ends(folder)).toEqual(await ends(FOLDER))
    })
  } finally {
    await server.stop()
  }
})
