// Run by allocation.test.ts in a process with a young generation so large that no collection hides what is allocated.
import { PerformanceObserver } from 'node:perf_hooks'
import { message } from '../../../node-spoe/src/index.ts'
import { harness } from './harness.ts'
import { messageBytes, notify, typed } from './wire.ts'

const CALLS = 20_000
const dirty = process.argv[2] === 'dirty'
/** Lets what is allocated escape, or the optimiser may remove the allocation. */
export const escaped: { last: unknown } = { last: undefined }

const check = message({
  args: { id: 'string', src: 'ip', auth: 'string', n: 'int' },
  sync: true,
  handle(view, reply) {
    if (dirty) escaped.last = { garbage: [view.at(3)] }
    reply.setVar('txn', 'decision', view.equals(2, expected) ? 'allow' : 'deny')
    reply.setVar('txn', 'status', Number(view.at(3)))
  },
})
const expected = Buffer.from('Bearer abc')
const frame = notify([
  messageBytes('check', {
    id: typed.string('674D2A-uuid'),
    src: typed.ipv4(127, 0, 0, 1),
    auth: typed.string('Bearer abc'),
    n: typed.int64(401),
  }),
])
const read = Buffer.concat(Array.from({ length: 20 }, () => frame))
const { session, context } = harness({ messages: { check } })

function run(): void {
  for (let i = 0; i < CALLS / 20; i++) {
    session.receive(read, 0)
    // Kept by the session: the next read overwrites it, as after a write that the kernel took whole.
    session.output.length = 0
  }
}

let collections = 0
new PerformanceObserver((list) => (collections += list.getEntries().length)).observe({ entryTypes: ['gc'] })
run()
run()
globalThis.gc?.()
await new Promise((resolve) => setTimeout(resolve, 20))
collections = 0
const before = process.memoryUsage().heapUsed
run()
const bytes = (process.memoryUsage().heapUsed - before) / CALLS
await new Promise((resolve) => setTimeout(resolve, 20))
console.log(JSON.stringify({ bytes, collections, acks: context.reporter.counters.acks }))
