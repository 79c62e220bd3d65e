// Asks an HTTP service who owns an API key. A key seen lately is answered at once, another one within the deadline.
import { createAgent, message, type Reply } from 'node-spoe'
import { Lookup } from './lookup.ts'

/** What the service says of a key; `plan` is empty for one that nobody has. */
interface Account {
  readonly plan: string
}

const DIRECTORY = process.env['DIRECTORY'] ?? 'http://127.0.0.1:9100'

const accounts = new Lookup<Account>(async (key) => {
  // Longer than the deadline: an answer that is too late for this request is in time for the next one.
  const response = await fetch(`${DIRECTORY}/keys/${encodeURIComponent(key)}`, { signal: AbortSignal.timeout(5_000) })
  if (response.status === 404) return { plan: '' }
  if (!response.ok) throw new Error(`the directory answers ${response.status}`)
  return (await response.json()) as Account
}, 10_000)

function answer(reply: Reply, { plan }: Account): void {
  reply.setVar('txn', 'decision', plan === '' ? 'deny' : 'allow')
  reply.setVar('txn', 'plan', plan)
}

const agent = createAgent({
  messages: {
    authorize: message({
      args: { key: 'string' },
      handle(view, reply) {
        // Read before anything asynchronous begins: the view lies in the read buffer, which is used again.
        const key = view.get('key')
        if (key === undefined || key === '') return answer(reply, { plan: '' })
        // Not "async handle": on a hit there is no promise, and the answer leaves in the same write as its batch.
        const known = accounts.peek(key)
        if (known !== undefined) return answer(reply, known)
        return accounts.load(key).then((account) => answer(reply, account))
      },
    }),
  },
  varPrefix: 'auth',
  // Below "timeout processing" of spoe.conf.
  deadlineMs: Number(process.env['DEADLINE_MS'] ?? 300),
  // The directory is slow, broken, or there is too much to do. Not "deny": we cannot tell is not nobody has this key.
  fallback: (reply, cause) => reply.setVar('txn', 'reason', cause),
  onError: console.error,
})

const [address] = await agent.listen(`tcp://127.0.0.1:${process.env['SPOP_PORT'] ?? '9000'}`)
console.log(`listening on ${address}`)

// Health checks fail for longer than HAProxy needs to notice (inter 1s, fall 2) before anything closes.
process.once('SIGTERM', () => void agent.drain({ graceMs: 3_000 }))
