// Run by window-table.test.ts in a process with a young generation so large that no collection hides what is allocated.
import { WindowTable } from '../../../../agent/windows/window-table.ts'

const CALLS = 200_000
const dirty = process.argv[2] === 'dirty'
/** Lets what is allocated escape, or the optimiser may remove the allocation. */
export const escaped: { last: unknown } = { last: undefined }

const table = new WindowTable('a')
const rule = { rule: 'api', everyMs: 60_000 }
const keys = Array.from({ length: 100 }, (_, n) => `tenant-${n}`)
const servers = ['s1', 's2', 's3']
const outcome = { status: 200, latencyMs: 0, bytes: 0, server: '' }
/** A number of this size is an object: whoever asks the clock makes it, so it is not the table's. */
const now = 1_760_000_000_000

function run(): void {
  for (let i = 0; i < CALLS; i++) {
    outcome.status = i % 50 === 0 ? 503 : 200
    outcome.latencyMs = (i * 7919) % 90_000
    outcome.bytes = i * 1000
    outcome.server = servers[i % 3]!
    const key = keys[i % 100]!
    if (dirty) escaped.last = { garbage: [i] }
    table.begin(rule, key, now)
    table.add(rule, key, outcome, now)
  }
}

run()
run()
globalThis.gc?.()
const before = process.memoryUsage().heapUsed
run()
console.log(JSON.stringify({ bytes: (process.memoryUsage().heapUsed - before) / CALLS }))
