import { connect, healthCheck } from 'node-spoe/client'
import { adminUrl } from './admin/address.ts'
import type { AgentConfig, ListenConfig } from './config/schema.ts'
import type { DispatchCounters, DispatcherState } from './dispatch/dispatcher.ts'
import type { ProviderStatus } from './identity/keys.ts'
import { isRemote, type RemoteStatus } from './identity/remote/status.ts'

/** How long each question may take, milliseconds. */
const TIMEOUT_MS = 3_000

/** What one look at a running agent found. `ok` is undefined for what could not be looked at from here. */
export interface Finding {
  readonly check: string
  readonly ok: boolean | undefined
  readonly detail: string
  readonly hint?: string
}

/**
 * Asks the agent that runs with this configuration what HAProxy, Prometheus and Kubernetes would ask it. Nothing that it
 * sends is a request: no rule is tried, no event comes of it.
 */
export async function examine(config: AgentConfig): Promise<Finding[]> {
  const spop = config.spop.listen.flatMap((listen) => [healthFinding(listen), notifyFinding(listen)])
  const url = adminUrl(config)
  const admin = url === undefined ? [] : [readiness(`${url}/readyz`), outboxFinding(`${url}/status`)]
  return (await Promise.all([...spop, ...admin])).flat()
}

/** HAProxy's `option spop-check`. */
async function healthFinding(listen: ListenConfig): Promise<Finding> {
  const check = `health check on ${listen.address}`
  const reason = outOfReach(listen)
  if (reason !== undefined) return { check, ok: undefined, detail: reason }
  const { ok, latencyMs, hello, error } = await healthCheck(listen.address, { timeoutMs: TIMEOUT_MS, ...tlsOf(listen) })
  if (ok) return { check, ok, detail: `${ms(latencyMs)}, frames up to ${hello?.maxFrameSize} bytes` }
  return {
    check,
    ok,
    detail: error?.message ?? 'no answer',
    hint: 'Is "serve" running with this file and environment?',
  }
}

/** A NOTIFY without messages: the whole way there and back. */
async function notifyFinding(listen: ListenConfig): Promise<Finding> {
  const check = `question and answer on ${listen.address}`
  const reason = outOfReach(listen)
  if (reason !== undefined) return { check, ok: undefined, detail: reason }
  try {
    const client = await connect(listen.address, { helloTimeoutMs: TIMEOUT_MS, ...tlsOf(listen) })
    try {
      const start = performance.now()
      await client.notify([], { timeoutMs: TIMEOUT_MS })
      return { check, ok: true, detail: ms(performance.now() - start) }
    } finally {
      await client.close()
    }
  } catch (error) {
    return { check, ok: false, detail: (error as Error).message }
  }
}

/** A provider as `/readyz` tells of it; `endpoint` where it asks somebody, or fetches keys when they are named. */
type Provider = ProviderStatus & { readonly endpoint?: string }

interface Readiness {
  readonly ready: boolean
  readonly draining: boolean
  readonly providers: readonly Provider[]
  readonly temporal: DispatcherState
}

async function readiness(url: string): Promise<Finding[]> {
  let body: Readiness
  try {
    body = (await (await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS) })).json()) as Readiness
  } catch (error) {
    const { cause, message } = error as Error
    return [{ check: 'ready', ok: false, detail: `${url}: ${cause instanceof Error ? cause.message : message}` }]
  }
  return [
    { check: 'ready', ok: body.ready, detail: body.draining ? 'the agent is stopping' : url },
    ...body.providers.map(providerFinding),
    temporalFinding(body.temporal),
  ]
}

/** Whose credentials it proves, or whom it asks, and how that goes. */
function providerFinding(status: Provider): Finding {
  const { provider, issuer, endpoint, lastError } = status
  const { ok, state } = isRemote(status) ? peerState(status) : keysState(status)
  const whom = issuer || endpoint
  const detail = [whom === undefined ? state : `${whom}: ${state}`, ...(lastError === undefined ? [] : [lastError])]
  const question =
    whom === undefined ? 'can its files be read?' : `can this machine reach the ${issuer ? 'issuer' : 'server'}?`
  const hint = `Decisions that need it get 503 until that is mended: ${question}`
  return { check: `provider ${provider}`, ok, detail: detail.join('; '), ...(ok === false && { hint }) }
}

/** Undefined: nothing has been asked for yet. */
interface ProviderState {
  readonly ok: boolean | undefined
  readonly state: string
}

/** Of a provider that asks somebody about each credential, and keeps no keys. */
function peerState({ ageS, paused, away, lastError }: RemoteStatus): ProviderState {
  const last = ageS === null ? 'no answer yet' : `last answer ${Math.round(ageS)} s ago`
  if (away) return { ok: false, state: `away, ${last}` }
  if (paused) return { ok: false, state: `left alone for a while, ${last}` }
  return { ok: ageS !== null || (lastError === undefined ? undefined : false), state: last }
}

function keysState({ keys = 0, ageS, stale, endpoint, lastError }: Provider): ProviderState {
  // Those with an endpoint fetch a key when a credential first names it.
  if (endpoint !== undefined && keys === 0 && ageS === null && lastError === undefined) {
    return { ok: undefined, state: 'no key needed yet' }
  }
  const age = ageS !== null ? `, fetched ${Math.round(ageS)} s ago` : keys === 0 ? ', never fetched' : ''
  return { ok: keys > 0, state: `${keys} keys${age}${stale ? ', stale' : ''}` }
}

function temporalFinding(state: Omit<DispatcherState, 'deniedRules'> & Partial<DispatcherState>): Finding {
  // An agent of before does not tell of them.
  const { temporal, lastError, oldestPendingMs, outboxRows, deniedRules = [] } = state
  const pending = oldestPendingMs === undefined ? '' : `, the oldest event waits for ${Math.round(oldestPendingMs)} ms`
  const error = lastError === undefined ? '' : `; ${lastError}`
  // Nothing is lost without it, and nobody is refused: that is a warning, not a failure.
  const ok = temporal === 'connected' && deniedRules.length === 0 ? true : undefined
  const denied = deniedRules.length === 0 ? '' : `, it refuses the calls of ${deniedRules.join(', ')}`
  return { check: 'Temporal', ok, detail: `${temporal}${denied}, ${outboxRows} events on disk${pending}${error}` }
}

/** What is there for somebody to look at. Nothing where the agent cannot be asked: `ready` has told of that. */
async function outboxFinding(url: string): Promise<Finding[]> {
  let counters: Partial<DispatchCounters> | undefined
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS) })
    counters = ((await response.json()) as { conservation?: DispatchCounters }).conservation
  } catch {
    return []
  }
  const { outbox, unstored = 0 } = counters ?? {}
  if (outbox === undefined) return []
  const { deadLetters } = outbox
  const parts = [
    deadLetters === 0 ? 'no dead letters' : `${deadLetters} dead letters: "haproxy-temporal outbox list" tells why`,
    ...(unstored === 0 ? [] : [`${unstored} events stayed in memory because the disk did not take them`]),
  ]
  // Nobody is refused for it, and redriving is up to people.
  return [{ check: 'outbox', ok: deadLetters + unstored === 0 ? true : undefined, detail: parts.join('; ') }]
}

function outOfReach({ address, tls }: ListenConfig): string | undefined {
  if (address.startsWith('systemd:')) return 'systemd knows the address, this file does not'
  if (tls?.clientCaFile !== undefined) return 'takes connections with a client certificate only'
  return undefined
}

/** Whether the certificate is right for HAProxy depends on the name HAProxy uses: that is not judged here. */
function tlsOf({ tls }: ListenConfig): { tls?: { rejectUnauthorized: false } } {
  return tls === undefined ? {} : { tls: { rejectUnauthorized: false } }
}

function ms(duration: number): string {
  return `${duration.toFixed(1)} ms`
}
