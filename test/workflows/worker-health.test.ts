import type { Worker } from '@temporalio/worker'
import { expect, test } from 'vitest'
import { AbandonedWorkerError, diagnose, runWorker } from '../../workflows/worker-health.ts'

/** As much of the SDK's worker as runWorker sees of it. */
const worker = (run: () => Promise<void>, state: string) => ({ run, getState: () => state }) as unknown as Worker

test('a worker that failed and never ends is given up', { timeout: 30_000 }, async () => {
  await expect(runWorker(worker(() => new Promise(() => {}), 'FAILED'))).rejects.toThrow(AbandonedWorkerError)
})

test('a worker that ends is heard, whatever its state', async () => {
  await runWorker(worker(async () => {}, 'FAILED'))
  const failing = async () => {
    throw new Error('as it says')
  }
  await expect(runWorker(worker(failing, 'FAILED'))).rejects.toThrow('as it says')
})

test('what is neither absence nor refusal is told as it is', () => {
  expect(diagnose(new Error('out of cheese'))).toBe('the worker failed: Error: out of cheese')
})
