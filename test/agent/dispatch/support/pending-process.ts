import { createDispatcher } from '../../../../agent/dispatch/dispatcher.ts'
import { command, recordedLog } from './commands.ts'

/**
 * An agent in small, to be killed: dispatches events without end and prints how many of them are surely on disk. Arguments: outbox path, Temporal address, number of the first event, `start` or `meter`.
 */
const [path = '', address = '', first = '0', kind = 'start'] = process.argv.slice(2)
const dispatcher = createDispatcher({
  temporal: { address, namespace: 'default' },
  outbox: { path },
  rules: ['orders', 'usage'],
  log: recordedLog(),
})
await dispatcher.start()
const rule = kind === 'meter' ? 'usage' : 'orders'
let next = Number(first)
setInterval(() => {
  for (let i = 0; i < 3; i++)
    dispatcher.dispatch(
      command(next++, {
        rule,
        kind: kind === 'meter' ? 'meter' : 'start',
        delivery: 'durable',
        batch: { maxRecords: 7, maxDelayMs: 20, maxBytes: 262_144 },
      }),
    )
  const { total, recovered } = dispatcher.counters()
  // What is on disk or beyond of this process's own events; they are stored in order, so these are its first ones.
  const safe = total.delivered + total.deduplicated + dispatcher.state().outboxRows - recovered
  process.stdout.write(`${JSON.stringify({ safe, delivered: total.delivered })}\n`)
}, 5)
