// Chooses the backend: a tenant's own, or the canary for a steady share of all sessions.
import { hash } from 'node:crypto'
import { createAgent, message } from 'node-spoe'

/** The answer names a backend of haproxy.cfg, so it comes from this list and never from what a client sent. */
const TENANTS: ReadonlyMap<string, string> = new Map([
  ['acme', 'tenant-acme'],
  ['globex', 'tenant-globex'],
])

const CANARY_PERCENT = Number(process.env['CANARY_PERCENT'] ?? 10)

const agent = createAgent({
  messages: {
    route: message({
      args: { tenant: 'string', session: 'string' },
      handle(view, reply) {
        const backend = route(view.get('tenant'), view.get('session'))
        if (backend !== undefined) reply.setVar('txn', 'backend', backend)
      },
    }),
  },
  varPrefix: 'routing',
  // Below "timeout processing" of spoe.conf.
  deadlineMs: Number(process.env['DEADLINE_MS'] ?? 40),
  onError: console.error,
})

/** Undefined: haproxy.cfg's default_backend. */
function route(tenant: string | undefined, session: string | undefined): string | undefined {
  const own = TENANTS.get(tenant ?? '')
  if (own !== undefined) return own
  return session !== undefined && cohort(session) < CANARY_PERCENT ? 'canary' : undefined
}

/**
 * 0 to 99, the same for a session on every machine and after every restart, without a table that anybody would have to
 * share. A session in the canary at 10 % is still in it at 20 %.
 */
function cohort(session: string): number {
  return hash('sha256', session, 'buffer').readUInt32BE() % 100
}

const [address] = await agent.listen(`tcp://127.0.0.1:${process.env['SPOP_PORT'] ?? '9000'}`)
console.log(`listening on ${address}`)

// Health checks fail for longer than HAProxy needs to notice (inter 1s, fall 2) before anything closes.
process.once('SIGTERM', () => void agent.drain({ graceMs: 3_000 }))
