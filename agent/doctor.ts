import { connect, healthCheck } from 'node-spoe/client'
import { parseTcpAddress } from './config/address.ts'
import type { AgentConfig, ListenConfig } from './config/schema.ts'
import type { DispatcherState } from './dispatch/dispatcher.ts'
import type { ProviderStatus } from './identity/keys.ts'

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
  const admin = config.admin === undefined ? [] : [readiness(readyUrl(config.admin.listen))]
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

function readyUrl(listen: string): string {
  const { host, port } = parseTcpAddress(listen)
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}/readyz`
}

interface Readiness {
  readonly ready: boolean
  readonly draining: boolean
  readonly providers: readonly ProviderStatus[]
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

function providerFinding({ provider, keys, ageS, stale, lastError }: ProviderStatus): Finding {
  const age = ageS === null ? 'never fetched' : `fetched ${Math.round(ageS)} s ago`
  const parts = [`${keys} keys, ${age}`, ...(stale ? ['stale'] : []), ...(lastError === undefined ? [] : [lastError])]
  const hint = 'Decisions that need it get 503 until its keys are there: can this machine reach the issuer?'
  return { check: `provider ${provider}`, ok: keys > 0, detail: parts.join('; '), ...(keys === 0 && { hint }) }
}

function temporalFinding({ temporal, lastError, oldestPendingMs, outboxRows }: DispatcherState): Finding {
  const pending = oldestPendingMs === undefined ? '' : `, the oldest event waits for ${Math.round(oldestPendingMs)} ms`
  const error = lastError === undefined ? '' : `; ${lastError}`
  // Nothing is lost without it, and nobody is refused: that is a warning, not a failure.
  const ok = temporal === 'connected' ? true : undefined
  return { check: 'Temporal', ok, detail: `${temporal}, ${outboxRows} events on disk${pending}${error}` }
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
