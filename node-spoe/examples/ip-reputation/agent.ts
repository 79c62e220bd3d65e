// Scores the client's address; haproxy.cfg decides what a score means.
import { fileURLToPath } from 'node:url'
import { createAgent, message } from 'node-spoe'
import { Networks } from './networks.ts'

const networks = new Networks(process.env['NETWORKS'] ?? fileURLToPath(new URL('networks.txt', import.meta.url)))

const agent = createAgent({
  messages: {
    reputation: message({
      // As 'ip' an IPv4 client is IPv4 also on a dual-stack bind, where HAProxy sends ::ffff:192.0.2.1.
      args: { src: 'ip' },
      // Synchronous: no promise, and the answer leaves in the same write as all others of this read.
      handle(view, reply) {
        const src = view.get('src')
        // Nothing is set for a client without an address, such as one on a UNIX socket: HAProxy sees "unknown".
        if (src !== undefined) reply.setVar('txn', 'score', networks.score(src))
      },
    }),
  },
  varPrefix: 'reputation',
  // Below "timeout processing" of spoe.conf.
  deadlineMs: Number(process.env['DEADLINE_MS'] ?? 40),
  // No fallback: when the agent cannot tell, the score stays unset, and haproxy.cfg says what that means.
  onError: console.error,
})

const [address] = await agent.listen(`tcp://127.0.0.1:${process.env['SPOP_PORT'] ?? '9000'}`)
console.log(`listening on ${address}`)

// Health checks fail for longer than HAProxy needs to notice (inter 1s, fall 2) before anything closes.
process.once('SIGTERM', () => void agent.drain({ graceMs: 3_000 }))
