import { ApplicationFailure, type Payload } from '@temporalio/common'
import { type Client, WorkflowFailedError } from '@temporalio/client'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { payloadCodec } from '../../workflows/codec.ts'
import { type CodecBench, openCodecBench, whatTemporalKeeps } from './support/codec/bench.ts'
import { plainly, sharedKeys, signalRaw, type Start, startRaw } from './support/codec/keys.ts'

let bench: CodecBench
let bare: Client
beforeAll(async () => {
  bench = await openCodecBench(true)
  bare = bench.client
}, 90_000)
afterAll(() => bench?.close())

const EVENTUALLY = { timeout: 60_000, interval: 50 }

const start = (workflowType: string, name: string, ...args: readonly unknown[]): Start => ({
  workflowType,
  workflowId: `codec-${name}`,
  args,
})

const DONE = {
  memo: { note: 'canary-memo' },
  far: 'canary-input handled canary-result',
  local: 'canary-input near canary-result',
  child: 'canary-input again',
}

describe('with encrypted payloads', () => {
  test('a workflow does its work, and Temporal keeps nothing of it in plain', { timeout: 90_000 }, async () => {
    const keys = await sharedKeys('a')
    const started = start('work', 'encrypted', 'canary-input')
    await bench.withWorker(started.workflowId, keys.worker, async () => {
      await startRaw(bare, started, keys.encrypt)
      const handle = keys.client(bare).workflow.getHandle(started.workflowId)
      expect(await handle.result()).toEqual(DONE)
      expect((await handle.describe()).memo).toEqual({ note: 'canary-memo', later: 'canary-later' })
    })
    const kept = await whatTemporalKeeps(bare, started.workflowId)
    expect(kept.includes('binary/encrypted')).toBe(true)
    expect(kept.includes('canary')).toBe(false)
    // Headers go past the codec of the SDK.
    expect(kept.includes('plain-header')).toBe(true)
  })

  test('signals, updates, answers and what one run hands to the next are encrypted', { timeout: 90_000 }, async () => {
    const keys = await sharedKeys('a')
    const started = start('collect', 'collecting', ['canary-1'])
    await bench.withWorker(started.workflowId, keys.worker, async () => {
      await startRaw(bare, started, keys.encrypt)
      await signalRaw(bare, started.workflowId, 'add', keys.encrypt('canary-2'))
      const handle = keys.client(bare).workflow.getHandle(started.workflowId)
      expect(await handle.executeUpdate('put', { args: ['canary-3'] })).toBe('3 canary-answer')
      const before = await whatTemporalKeeps(bare, started.workflowId)
      await handle.signal('next')
      await vi.waitFor(async () => expect((await handle.describe()).historyLength).toBeLessThan(6), EVENTUALLY)
      expect(await handle.query('all')).toEqual(['canary-1', 'canary-2', 'canary-3'])
      for (const kept of [before, await whatTemporalKeeps(bare, started.workflowId)]) {
        expect([kept.includes('binary/encrypted'), kept.includes('canary')]).toEqual([true, false])
      }
      await handle.terminate()
    })
  })

  test('without them Temporal keeps all of it: the search for it does find', { timeout: 90_000 }, async () => {
    const started = start('work', 'plain', 'canary-input')
    await bench.withWorker(started.workflowId, {}, async () => {
      await startRaw(bare, started, plainly)
      expect(await bare.workflow.getHandle(started.workflowId).result()).toEqual(DONE)
    })
    const kept = await whatTemporalKeeps(bare, started.workflowId)
    for (const canary of ['input', 'result', 'memo', 'later', 'summary']) {
      expect(kept.includes(`canary-${canary}`), canary).toBe(true)
    }
  })
})

describe('texts of errors', () => {
  /** What a client is told of a workflow that failed, and whether Temporal keeps it. */
  async function failureOf(at: CodecBench, name: string, by: 'activity' | 'workflow') {
    const keys = await sharedKeys('a')
    const started = start('failing', name, by, 'canary-message')
    const told = await at.withWorker(started.workflowId, keys.worker, async () => {
      await startRaw(at.client, started, keys.encrypt)
      const handle = keys.client(at.client).workflow.getHandle(started.workflowId)
      return await handle.result().catch((reason: unknown) => reason)
    })
    expect(told).toBeInstanceOf(WorkflowFailedError)
    const { cause } = told as WorkflowFailedError
    const failure = by === 'activity' ? cause?.cause : cause
    expect(failure).toBeInstanceOf(ApplicationFailure)
    expect(failure).toMatchObject({ message: 'canary-message', details: ['canary-message'] })
    const kept = await whatTemporalKeeps(at.client, started.workflowId)
    return { plain: kept.includes('canary'), hidden: kept.includes('Encoded failure') }
  }

  test('are encrypted, whoever throws them', { timeout: 90_000 }, async () => {
    expect(await failureOf(bench, 'failing-activity', 'activity')).toEqual({ plain: false, hidden: true })
    expect(await failureOf(bench, 'failing-workflow', 'workflow')).toEqual({ plain: false, hidden: true })
  })

  test(
    'of activities are so whatever the bundle, of workflow code by its bundle only',
    { timeout: 90_000 },
    async () => {
      const usual = await openCodecBench(false)
      try {
        expect(await failureOf(usual, 'failing-activity', 'activity')).toEqual({ plain: false, hidden: true })
        expect(await failureOf(usual, 'failing-workflow', 'workflow')).toEqual({ plain: true, hidden: false })
      } finally {
        await usual.close()
      }
    },
  )
})

describe('keys that change while workflows run', () => {
  test('leave old events readable, and new ones need the new key', { timeout: 90_000 }, async () => {
    const keys = await sharedKeys('a')
    const started = start('collect', 'rotated', ['1'])
    const all = () => keys.client(bare).workflow.getHandle(started.workflowId).query('all')
    await bench.withWorker(started.workflowId, keys.worker, async () => {
      await startRaw(bare, started, keys.encrypt)
      await signalRaw(bare, started.workflowId, 'add', keys.encrypt('2'))
      expect(await all()).toEqual(['1', '2'])
      // First a key that everybody can read. The worker has looked for neither.
      await keys.rotate('a', 'b')
      await keys.rotate('b', 'a')
      await signalRaw(bare, started.workflowId, 'add', keys.encrypt('3'))
      expect(await all()).toEqual(['1', '2', '3'])
    })
    const inputs = await inputsOf(started.workflowId)
    expect(inputs.map(keyOf)).toEqual(['a', 'a', 'b'])
    // The old key is gone: what it has encrypted is, too.
    const [late] = (await sharedKeys('b')).client(bare).options.loadedDataConverter.payloadCodecs
    await expect(late?.decode(inputs.slice(0, 1))).rejects.toMatchObject({ problem: 'unknown_key', keyId: 'a' })
    expect(await late?.decode(inputs.slice(2))).toMatchObject([{ data: Buffer.from('"3"') }])
    await bare.workflow.getHandle(started.workflowId).terminate()
  })

  test('that are missing stop a workflow until they are there', { timeout: 120_000 }, async () => {
    const keys = await sharedKeys('a')
    const other = await sharedKeys('b', 'a')
    const started = start('work', 'missing', 'canary-input')
    await bench.withWorker(started.workflowId, keys.worker, async () => {
      await startRaw(bare, started, other.encrypt)
      const handle = keys.client(bare).workflow.getHandle(started.workflowId)
      await vi.waitFor(async () => {
        const { events } = await bare.workflow.getHandle(started.workflowId).fetchHistory()
        expect(events?.some((event) => event.workflowTaskFailedEventAttributes)).toBe(true)
      }, EVENTUALLY)
      await keys.rotate('b', 'a')
      expect(await handle.result()).toEqual(DONE)
    })
  })

  test('may come to a workflow that began without any', { timeout: 90_000 }, async () => {
    const keys = await sharedKeys('a')
    const started = start('collect', 'late', ['1'])
    const { workflowId } = started
    await bench.withWorker(workflowId, {}, async () => {
      await startRaw(bare, started, plainly)
      expect(await bare.workflow.getHandle(workflowId).query('all')).toEqual(['1'])
    })
    await bench.withWorker(workflowId, keys.worker, async () => {
      await signalRaw(bare, workflowId, 'add', keys.encrypt('2'))
      // An agent that has not been told yet.
      await signalRaw(bare, workflowId, 'add', plainly('3'))
      expect(await keys.client(bare).workflow.getHandle(workflowId).query('all')).toEqual(['1', '2', '3'])
    })
    await bare.workflow.getHandle(workflowId).terminate()
  })
})

test('the codec keeps the order of a list, and takes an empty one', async () => {
  const codec = payloadCodec({
    encode: (payload) => ({ ...payload, data: Buffer.concat([Buffer.from('+'), payload.data ?? Buffer.of()]) }),
    decode: async (payload) => ({ ...payload, data: (payload.data ?? Buffer.of()).subarray(1) }),
  })
  const list: Payload[] = ['x', 'y', 'z'].map((text) => ({ metadata: {}, data: Buffer.from(text) }))
  expect((await codec.encode(list)).map(({ data }) => Buffer.from(data ?? []).toString())).toEqual(['+x', '+y', '+z'])
  expect(await codec.decode(await codec.encode(list))).toEqual(list)
  expect(await codec.encode([])).toEqual([])
})

/** What a workflow was started with and signalled, in order. */
async function inputsOf(workflowId: string): Promise<Payload[]> {
  const { events } = await bare.workflow.getHandle(workflowId).fetchHistory()
  return (events ?? []).flatMap((event) => {
    const { input } =
      event.workflowExecutionStartedEventAttributes ?? event.workflowExecutionSignaledEventAttributes ?? {}
    return input?.payloads ?? []
  })
}

function keyOf({ metadata }: Payload): string {
  return Buffer.from(metadata?.['encryption-key-id'] ?? []).toString()
}
