/**
 * An agent as real ones are: reads every argument, sets six variables, and asks somebody else for one in ten answers.
 * Every few seconds a line of JSON says how it is. node --expose-gc agent.ts ADDRESS
 */
import { readdirSync } from 'node:fs'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as wait } from 'node:timers/promises'
import { createAgent, message, type Reply } from 'node-spoe'
import type { Sample } from './sample.ts'

const SAMPLE_MS = 5_000
const ASKING_MS = 2

const agent = createAgent({
  messages: {
    check: message({
      args: { id: 'string', src: 'ip', method: 'string', path: 'string', host: 'string', auth: 'string' },
      handle(view, reply) {
        const subject = `${view.get('method')} ${view.get('src')} ${view.get('host')}`
        const tenant = view.get('auth')?.slice(-12) ?? ''
        const path = view.get('path') ?? ''
        const rule = `${view.get('id')?.length} ${path}`
        if (path.endsWith('7')) return wait(ASKING_MS).then(() => answer(reply, 'asked', rule, subject, tenant))
        answer(reply, 'known', rule, subject, tenant)
        return undefined
      },
    }),
  },
  varPrefix: 'bench',
  deadlineMs: 400,
  onError: console.error,
})

function answer(reply: Reply, reason: string, rule: string, subject: string, tenant: string): void {
  reply.setVar('txn', 'decision', 'allow')
  reply.setVar('txn', 'status', 200)
  reply.setVar('txn', 'reason', reason)
  reply.setVar('txn', 'rule', rule)
  reply.setVar('txn', 'subject', subject)
  reply.setVar('txn', 'tenant', tenant)
}

const delay = monitorEventLoopDelay({ resolution: 10 })
delay.enable()
setInterval(() => {
  const loop = { loopDelayP99Ms: delay.percentile(99) / 1e6, loopDelayMaxMs: delay.max / 1e6 }
  const { rss } = process.memoryUsage()
  // What is kept, not what is waiting to be collected.
  globalThis.gc?.()
  const { heapUsed, external, arrayBuffers } = process.memoryUsage()
  // The collection just made is no delay of the agent's own.
  delay.reset()
  const fds = readdirSync('/proc/self/fd').length
  const sample: Sample = {
    atMs: performance.now(),
    rss,
    heapUsed,
    external,
    arrayBuffers,
    fds,
    ...loop,
    counters: agent.counters,
  }
  console.log(JSON.stringify(sample))
}, SAMPLE_MS)

await agent.listen(process.argv[2] ?? 'tcp://127.0.0.1:0')
