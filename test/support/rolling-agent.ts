// An agent as its users write it: `node rolling-agent.ts ADDRESS NAME`, and SIGTERM drains it.
import { createAgent, message } from 'node-spoe'

const [address = '', name = ''] = process.argv.slice(2)
const agent = createAgent({
  messages: {
    check: message({
      args: { path: 'string' },
      async handle(view, reply) {
        const path = view.get('path') ?? ''
        // So that answers are in flight at any moment: a drain must not lose those.
        await new Promise((resolve) => setTimeout(resolve, 2))
        reply.setVar('txn', 'agent', name)
        reply.setVar('txn', 'path', path)
      },
    }),
  },
  deadlineMs: 15_000,
  onError: console.error,
})
process.once('SIGTERM', () => void agent.drain({ graceMs: 1_000, timeoutMs: 600 }))
await agent.listen(address)
console.log('ready')
