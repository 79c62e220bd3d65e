import {
  ApplicationFailure,
  condition,
  continueAsNew,
  defineQuery,
  defineSignal,
  defineUpdate,
  executeChild,
  proxyActivities,
  proxyLocalActivities,
  setCurrentDetails,
  setHandler,
  upsertMemo,
  workflowInfo,
} from '@temporalio/workflow'

/** Workflows that hand something to Temporal in every way there is. */

const options = { startToCloseTimeout: '30 seconds', summary: 'canary-summary', retry: { maximumAttempts: 1 } } as const
const { handle, fail } = proxyActivities<Record<'handle' | 'fail', (text: string) => Promise<string>>>(options)
const { near } = proxyLocalActivities<Record<'near', (text: string) => Promise<string>>>(options)

export async function work(text: string): Promise<object> {
  const { memo } = workflowInfo()
  upsertMemo({ later: 'canary-later' })
  setCurrentDetails('canary-details')
  const far = await handle(text)
  const local = await near(text)
  const child = await executeChild(repeat, { args: [text] })
  return { memo, far, local, child }
}

export async function repeat(text: string): Promise<string> {
  return `${text} again`
}

export const addSignal = defineSignal<[string]>('add')
export const nextSignal = defineSignal('next')
export const putUpdate = defineUpdate<string, [string]>('put')
export const allQuery = defineQuery<string[]>('all')

/** Keeps what it is told; `next` hands it over to another run. */
export async function collect(all: string[] = []): Promise<void> {
  let next = false
  setHandler(addSignal, (text) => void all.push(text))
  setHandler(putUpdate, (text) => `${all.push(text)} canary-answer`)
  setHandler(nextSignal, () => {
    next = true
  })
  setHandler(allQuery, () => all)
  await condition(() => next)
  await continueAsNew<typeof collect>(all)
}

/** Fails by its activity, or by itself. */
export async function failing(by: 'activity' | 'workflow', text: string): Promise<void> {
  if (by === 'activity') await fail(text)
  throw ApplicationFailure.nonRetryable(text, 'Refused', text)
}
