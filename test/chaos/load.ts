import { Agent } from 'node:https'
import { setTimeout as sleep } from 'node:timers/promises'
import { type EdgeResponse, reasonOf, sendToEdge } from '../../agent/dev/request.ts'
import type { Random } from '../fuzz/random.ts'
import { type Lane, LANES, pathOf, takesKey, type Tenant, TENANTS } from './lanes.ts'
import type { Ledger, Sent } from './ledger.ts'

const TICK_MS = 10
/** Requests that wait for their answers at once, at most: beyond it the rate falls, as it does with real callers. */
const MAX_OPEN = 400
const CONNECTIONS = 32

/** One request of so many has an idempotency key and is sent a second time. */
const KEYED = 8
/** One workflow of so many that could be ended is not. */
const LEFT_OPEN = 4
/** How long after the first time: a double click, an impatient client, and one that may meet the agent of after a kill. */
const AGAIN_MS = [0, 500, 3_000] as const

export interface LoadOptions {
  readonly port: number
  readonly ca: string
  /** Requests a second. */
  readonly rate: number
  readonly random: Random
  readonly ledger: Ledger
  readonly tokens: Readonly<Record<Tenant, string>>
}

/** Sends requests of all lanes at a steady rate and remembers each answer. */
export class Load {
  readonly #options: LoadOptions
  // In turns: one that was idle for long may be closed by HAProxy at the very moment at which it is used again.
  readonly #connections = new Agent({ keepAlive: true, maxSockets: CONNECTIONS, scheduling: 'fifo' })
  readonly #lanes: readonly Lane[] = LANES.flatMap((lane) => Array.from({ length: lane.weight }, () => lane))
  readonly #open = new Set<Promise<void>>()
  #next = 1
  #running = false
  #sending: Promise<void> = Promise.resolve()
  #stopped = Promise.withResolvers<void>()

  constructor(options: LoadOptions) {
    this.#options = options
  }

  /** Sends until {@link stop}. */
  start(): void {
    if (this.#running) return
    this.#running = true
    this.#stopped = Promise.withResolvers()
    this.#sending = this.#run()
  }

  /** Sends no more but what is to be sent a second time, at once, and waits for the answers that are still to come. */
  async stop(): Promise<void> {
    this.#running = false
    this.#stopped.resolve()
    await this.#sending
    await Promise.all(this.#open)
    // For the same reason none is kept until the next start.
    this.#connections.destroy()
  }

  close(): void {
    this.#connections.destroy()
  }

  /** Whether the agent decides: what no rule matches is denied by it, and by nobody else. */
  async agentAnswers(): Promise<boolean> {
    const { port, ca } = this.#options
    try {
      const answer = await sendToEdge(port, ca, { method: 'GET', path: '/nothing-here' })
      return answer.status === 403 || answer.status === 401
    } catch {
      return false
    }
  }

  async #run(): Promise<void> {
    let last = performance.now()
    let due = 0
    while (this.#running) {
      await sleep(TICK_MS)
      const now = performance.now()
      due = Math.min(due + ((now - last) * this.#options.rate) / 1_000, this.#options.rate / 4)
      last = now
      for (; due >= 1; due--) {
        if (this.#open.size >= MAX_OPEN) break
        const request = this.#send()
        this.#open.add(request)
        void request.finally(() => this.#open.delete(request))
      }
    }
  }

  async #send(): Promise<void> {
    const { random } = this.#options
    const [lane, tenant] = [random.pick(this.#lanes), random.pick(TENANTS)]
    const keyed = random.once(KEYED) && takesKey(lane)
    const request = { n: this.#next++, lane, tenant, keyed }
    const first = this.#ask(request)
    if (lane.endedBy !== undefined) {
      const [wanted, after] = [!random.once(LEFT_OPEN), random.pick(AGAIN_MS)]
      // Of one that was not promised the end may come first, and find nothing.
      if ((await first).outcome !== 'ok' || !wanted) return
      await Promise.race([sleep(after), this.#stopped.promise])
      await this.#ask({ n: this.#next++, lane: lane.endedBy, tenant, keyed, ends: request.n })
      return
    }
    if (keyed) {
      await Promise.race([sleep(random.pick(AGAIN_MS)), this.#stopped.promise])
      await this.#ask(request)
    }
    await first
  }

  async #ask(request: Pick<Sent, 'n' | 'lane' | 'tenant' | 'keyed' | 'ends'>): Promise<Sent> {
    const { port, ca, ledger, tokens } = this.#options
    const { n, lane, tenant, keyed, ends } = request
    const now = Date.now()
    const sent: Sent = { ...request, sentAt: now, answeredAt: now, outcome: 'unknown', requestId: '', reason: '' }
    ledger.sent.push(sent)
    const path = `${pathOf(lane, ends ?? n)}${keyed ? `?key=${n}` : ''}`
    const method = lane.kind === 'meter' || lane.kind === 'window' ? 'GET' : 'POST'
    const headers = { authorization: `Bearer ${tokens[tenant]}` }
    try {
      note(sent, await sendToEdge(port, ca, { method, path, headers }, this.#connections))
    } catch (error) {
      sent.reason = String(error)
    }
    sent.answeredAt = Date.now()
    return sent
  }
}

function note(sent: Sent, response: EdgeResponse): void {
  sent.requestId = response.requestId
  if (response.status === 200) {
    sent.outcome = 'ok'
    return
  }
  sent.outcome = 'refused'
  sent.reason = `${response.status} ${reasonOf(response) ?? ''}`.trim()
}
