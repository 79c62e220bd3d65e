import { createAgent } from 'node-spoe'
import { dispatchOptionsOf, openActors } from './actor/open.ts'
import { type AdminServer, startAdminServer } from './admin/server.ts'
import { createAudit } from './audit/audit.ts'
import { checkFallback, checkHandler } from './check.ts'
import type { LoadedConfig } from './config/load.ts'
import { DecisionCounters } from './counters.ts'
import { createDispatcher } from './dispatch/dispatcher.ts'
import { identityOf } from './identity/from-config.ts'
import type { Logger } from './log.ts'
import { outcomeHandler } from './outcome.ts'
import { compileRules } from './rules/compile.ts'
import { VARIABLE_PREFIX } from './rules/variables.ts'
import { listenOptions } from './spop-listen.ts'
import { spopErrorLog } from './spop-errors.ts'

/** Realm of WWW-Authenticate challenges. */
const REALM = 'haproxy-temporal'

export interface RunningAgent {
  /** Bound SPOP addresses, in the form of `spop.listen`. */
  readonly spop: readonly string[]
  /** URL of the admin server; `undefined` without one. */
  readonly admin: string | undefined
  /**
   * Graceful stop: health checks fail, what is in flight is answered, HAProxy gets its DISCONNECT, and what can be
   * delivered to Temporal is. Durable events that cannot stay in the outbox for the next start.
   */
  stop(): Promise<void>
  /** Opens the file of audit records anew, after it was moved away. */
  reopenAudit(): void
}

/**
 * Starts the agent: listens, begins to fetch keys, opens the outbox. A provider or a Temporal that is not there yet is
 * no error; `/readyz` tells.
 * @throws {ConfigError} when the rules do not compile, and the error of listening when an address is taken
 */
export async function startAgent({ config, document }: LoadedConfig, log: Logger): Promise<RunningAgent> {
  const ruleSet = compileRules(config, document)
  const counters = new DecisionCounters(ruleSet.rules)
  const identity = identityOf(config, log)
  const { authenticator, revocations } = identity
  const { actors, close: closeActors } = await openActors(config.actor, log)
  const clocks = { now: Date.now, monotonicMs: () => performance.now() }
  const audit = config.audit === undefined ? undefined : createAudit(config.audit, { ...clocks, log })
  const { address, namespace, tls, apiKey } = config.temporal
  const dispatcher = createDispatcher({
    temporal: { address, namespace, apiKey, tls },
    outbox: { path: config.outbox.path, maxRows: config.outbox.maxRows },
    queue: { maxEvents: config.queue.maxEvents },
    actor: dispatchOptionsOf(config.actor),
    rules: ruleSet.rules.map((rule) => rule.name),
    log,
  })
  const wording = {
    realm: REALM,
    retryAfterS: () => authenticator.retryAfterS(),
    dpopNonce: () => identity.dpopNonce(),
    rateLimitKey: identity.rateLimitKey,
    resourceMetadata: identity.resourceMetadata,
  }
  const check = { ruleSet, authenticator, dispatcher, counters, actors, wording, audit }
  const spop = createAgent({
    messages: {
      check: checkHandler(check),
      check_body: checkHandler(check, true),
      outcome: outcomeHandler(counters),
    },
    deadlineMs: config.spop.deadline,
    bufsize: config.spop.bufsize,
    varPrefix: VARIABLE_PREFIX,
    fallback: checkFallback(counters, wording, config.spop.deadline),
    onError: spopErrorLog(log),
  })

  let admin: AdminServer | undefined
  identity.start()
  try {
    // Records need their key before the first request.
    await audit?.start()
    await dispatcher.start()
    if (config.admin !== undefined) {
      admin = await startAdminServer(config.admin.listen, {
        spop,
        authenticator,
        revocations,
        dispatcher,
        decisions: counters,
        ...(audit !== undefined && { audit }),
      })
    }
    const addresses = await spop.listen(listenOptions(config.spop.listen))
    let stopping: Promise<void> | undefined
    return { spop: addresses, admin: admin?.url, stop: () => (stopping ??= stop()), reopenAudit: () => audit?.reopen() }
  } catch (error) {
    await Promise.allSettled([spop.close(), dispatcher.drain(0), admin?.close()])
    identity.close()
    closeActors()
    await audit?.close()
    throw error
  }

  async function stop(): Promise<void> {
    admin?.setDraining()
    try {
      await spop.drain({ graceMs: config.spop.drain })
    } finally {
      // Events wait here: whatever went wrong before, they get their chance.
      await dispatcher.drain(config.outbox.drain)
      identity.close()
      closeActors()
      await audit?.close()
      await admin?.close()
    }
  }
}
