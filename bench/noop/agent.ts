/** A no-op agent on node-spoe, as its README shows one: node agent.ts tcp://HOST:PORT|unix:///PATH */
import { createAgent, message } from 'node-spoe'

const agent = createAgent({
  messages: {
    check: message({
      args: {},
      sync: true,
      handle(_view, reply) {
        reply.setVar('txn', 'decision', 'allow')
      },
    }),
  },
  varPrefix: 'bench',
  deadlineMs: 400,
  onError: console.error,
})
await agent.listen(process.argv[2] ?? 'tcp://127.0.0.1:0')
