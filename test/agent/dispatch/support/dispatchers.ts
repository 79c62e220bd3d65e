import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { createDispatcher, type Dispatcher, type DispatcherOptions } from '../../../../agent/dispatch/dispatcher.ts'
import { tempFolder } from '../../../support/folder.ts'
import { recordedLog } from './commands.ts'

/** What the stub answers to a call that it takes. */
export const OK = { started: true } as const

interface Setup {
  address: string
  folder?: string
  over?: Partial<DispatcherOptions>
  entries?: { readonly store?: URL; readonly ship?: URL }
}

/** A dispatcher with an outbox of its own, drained when the test has ended. */
export function make({ address, folder = tempFolder(), over, entries }: Setup): {
  dispatcher: Dispatcher
  log: ReturnType<typeof recordedLog>
  path: string
} {
  const log = recordedLog()
  const path = join(folder, 'outbox.db')
  const options: DispatcherOptions = {
    temporal: { address, namespace: 'edge' },
    outbox: { path },
    rules: ['orders', 'audit', 'usage'],
    log,
    ...over,
  }
  const dispatcher = createDispatcher(options, entries)
  onTestFinished(() => dispatcher.drain(0))
  return { dispatcher, log, path }
}

export const settled = (dispatcher: Dispatcher) => () => dispatcher.counters().total.pending === 0
