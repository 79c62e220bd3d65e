import { setTimeout as sleep } from 'node:timers/promises'
import type { AgentConfig } from '../config/schema.ts'
import type { IdentityParts } from '../identity/from-config.ts'
import type { Log } from '../identity/log.ts'
import { NotReadyError, type ReloadProblem } from './problems.ts'

/** Milliseconds for the providers of a new configuration to fetch what they need. */
export const WARM_MS = 10_000
/** Milliseconds between two looks. */
const LOOK_MS = 20

/** What this needs of the parts that prove callers. */
export type Provers = Pick<IdentityParts, 'revocations'> & {
  readonly authenticator: Pick<IdentityParts['authenticator'], 'isAway'>
}

export interface WarmOptions {
  readonly identity: AgentConfig['identity']
  readonly next: Provers
  /** Those in force. */
  readonly former: Provers & { readonly providers: readonly string[] }
  readonly log: Log
  readonly timeoutMs?: number
  /** Ends the wait early, as if its time were over. */
  readonly signal?: AbortSignal | undefined
}

/**
 * Waits until requests lose nothing by the new providers: each one that is required, and each one that worked before, can
 * judge credentials. What was away before is not waited for: a reload may be the way out of that.
 * @throws {NotReadyError} when a required provider, or a list of revocations, is worse off than before
 */
export async function untilWarm({
  identity,
  next,
  former,
  log,
  timeoutMs = WARM_MS,
  signal,
}: WarmOptions): Promise<void> {
  const awaited = Object.entries(identity.providers).flatMap(([name, settings]) => {
    const required = 'required' in settings && settings.required
    const known = former.providers.includes(name)
    const worked = known && !isAway(former, name)
    return (required && !known) || worked ? [{ name, required }] : []
  })
  const listsWorked = former.revocations.ready()
  const cold = (): typeof awaited => awaited.filter(({ name }) => isAway(next, name))
  const isWarm = (): boolean => cold().length === 0 && (!listsWorked || next.revocations.ready())
  const until = performance.now() + timeoutMs
  while (!isWarm() && performance.now() < until && signal?.aborted !== true) await sleep(LOOK_MS)

  const away = cold()
  const problems = away.filter(({ required }) => required).map(({ name }) => notReady(name, timeoutMs))
  if (listsWorked && !next.revocations.ready()) problems.push(NO_LIST)
  if (problems.length > 0) throw new NotReadyError(problems)
  for (const { name } of away)
    log.warn({ provider: name }, 'the provider is not ready, and not required: goes on without')
}

function isAway({ authenticator }: Provers, name: string): boolean {
  return authenticator.isAway({ mode: 'any', providers: [name] })
}

function notReady(name: string, timeoutMs: number): ReloadProblem {
  return {
    code: 'RELOAD_PROVIDER_NOT_READY',
    message: `provider "${name}" has nothing to judge credentials with after ${timeoutMs / 1000} s`,
    hint: 'The log tells what could not be fetched or read; reload again when it can, or set "required: false".',
  }
}

const NO_LIST: ReloadProblem = {
  code: 'RELOAD_REVOCATION_NOT_READY',
  message: 'a list of revocations cannot be read',
  hint: 'With "onUnavailable: deny" nobody would be let in: see identity.revocation.',
}
