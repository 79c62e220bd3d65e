import { ApplicationFailure, type ActivityFailure } from '@temporalio/common'
import { WorkflowFailedError } from '@temporalio/client'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ACTOR_KEY, type EdgeEvent } from '../../../agent/messages.ts'
import { orderNumber, type OrderBook } from '../../../workflows/activities/handlers/create-order.ts'
import { currentActor } from '../../../workflows/interceptors/activity-actor.ts'
import type { RequestHookResult, RequestHookStatus } from '../../../workflows/workflows/request-hook.ts'
import { actor, event, startFromEdge } from '../support/edge.ts'
import { openWorkbench, type Workbench } from '../support/workbench.ts'

let bench: Workbench
beforeAll(async () => (bench = await openWorkbench()), 90_000)
afterAll(() => bench?.close())

const ann = actor('ann')
const ben = actor('ben')

async function start(taskQueue: string, input: EdgeEvent, by = input.actor) {
  const workflowId = `hook/${input.id}`
  await startFromEdge(bench.client, { taskQueue, workflowType: 'requestHook', workflowId, input, by })
  return bench.client.workflow.getHandle(workflowId)
}

async function run(taskQueue: string, input: EdgeEvent, by = input.actor): Promise<RequestHookResult> {
  return (await (await start(taskQueue, input, by)).result()) as RequestHookResult
}

test('runs the handler of the type, with the caller in workflow, activity and memo', { timeout: 60_000 }, async () => {
  const input = event('1', 'create-order', ann)
  await bench.withWorker('right-handler', async () => {
    // The header says ben: workflow and activity go by the header, not by what the event holds.
    const handle = await start('right-handler', input, ben)
    const result = (await handle.result()) as RequestHookResult
    expect(result).toEqual({
      type: 'create-order',
      handledBy: 'create-order',
      eventId: input.id,
      caller: { type: 'jwt', provider: 'corp', issuer: 'https://id.example', subject: 'ben', tenant: 'acme' },
      output: { order: orderNumber(input.id), orderedBy: 'ben', plan: 'gold' },
    })
    const status = await handle.query<RequestHookStatus>('status')
    expect(status).toMatchObject({ state: 'done', handledBy: 'create-order', error: null, caller: result.caller })
    expect((await handle.describe()).memo?.[ACTOR_KEY]).toEqual(ben)
  })
})

test('a type without a handler is recorded by the default one', { timeout: 60_000 }, async () => {
  await bench.withWorker('default-handler', async () => {
    const recorded = { handledBy: 'recordRequest', output: { recorded: true, subject: 'ann' } }
    expect(await run('default-handler', event('2', 'never-heard-of', ann))).toMatchObject(recorded)
    // Names of the worker's own activities are no way in.
    expect(await run('default-handler', event('3', 'storeUsage', ann))).toMatchObject({
      type: 'storeUsage',
      ...recorded,
    })
  })
})

test('handlers of the deployment come before the shipped ones', { timeout: 60_000 }, async () => {
  const handlers = { refund: async () => ({ refundedBy: currentActor()?.subject ?? null }) }
  const work = async () => {
    expect(await run('own-handler', event('4', 'refund', ann))).toMatchObject({ output: { refundedBy: 'ann' } })
  }
  await bench.withWorker('own-handler', work, { dependencies: { handlers } })
})

test('a handler that fails is tried again', { timeout: 60_000 }, async () => {
  let calls = 0
  const flaky = async () => {
    calls += 1
    if (calls === 1) throw new Error('the shop is closed')
    return { calls }
  }
  const work = async () => {
    expect(await run('retry', event('5', 'flaky', ann))).toMatchObject({ output: { calls: 2 } })
  }
  await bench.withWorker('retry', work, { dependencies: { handlers: { flaky } } })
})

test('after a failure the handler goes on with the step that is not done', { timeout: 60_000 }, async () => {
  const calls: string[] = []
  const orders: OrderBook = {
    async reserve(number) {
      calls.push(`reserve ${number}`)
    },
    async confirm(number) {
      calls.push(`confirm ${number}`)
      if (calls.length === 2) throw new Error('the line broke')
    },
  }
  const input = event('6', 'create-order', ann)
  const number = orderNumber(input.id)
  const work = async () => {
    expect(await run('resume', input)).toMatchObject({ output: { order: number } })
    expect(calls).toEqual([`reserve ${number}`, `confirm ${number}`, `confirm ${number}`])
  }
  await bench.withWorker('resume', work, { dependencies: { orders } })
})

test('an error of a non-retryable type ends the workflow, and the status says why', { timeout: 60_000 }, async () => {
  let calls = 0
  const forbidden = async () => {
    calls += 1
    throw ApplicationFailure.create({ type: 'Forbidden', message: 'not yours' })
  }
  const work = async () => {
    const handle = await start('non-retryable', event('7', 'forbidden', ann))
    const failure: unknown = await handle.result().catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(WorkflowFailedError)
    const cause = ((failure as WorkflowFailedError).cause as ActivityFailure).cause
    expect(cause).toMatchObject({ type: 'Forbidden', message: 'not yours' })
    expect(calls).toBe(1)
    expect(await handle.query<RequestHookStatus>('status')).toMatchObject({ state: 'failed', error: 'not yours' })
  }
  await bench.withWorker('non-retryable', work, { dependencies: { handlers: { forbidden } } })
})
