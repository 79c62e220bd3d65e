// An agent in a process of its own, for tests that kill it: `node spoe-child.ts tcp://127.0.0.1:PORT`.
import { createAgent, message } from '../../node-spoe/src/index.ts'

const agent = createAgent({
  messages: {
    m: message({ args: {}, handle: (_view, reply) => reply.setVar('txn', 'pid', process.pid) }),
  },
  varPrefix: 'demo',
  deadlineMs: 15_000,
  helloTimeoutMs: 15_000,
})
await agent.listen(process.argv[2] ?? '')
process.once('SIGTERM', () => void agent.close())
