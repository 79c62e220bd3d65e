import { Actors } from '../../agent/actor/actors.ts'
import { checkFallback, checkHandler } from '../../agent/check.ts'
import { parseConfig } from '../../agent/config/load.ts'
import { DecisionCounters } from '../../agent/counters.ts'
import { headerArguments } from '../../agent/evidence.ts'
import type { Dispatcher } from '../../agent/dispatch/dispatcher.ts'
import {
  type Authenticator,
  type AuthenticatorOptions,
  createAuthenticator,
} from '../../agent/identity/authenticator.ts'
import { checkBinding } from '../../agent/identity/binding.ts'
import { Kept } from '../../agent/identity/kept.ts'
import { providerConfigs } from '../../agent/identity/provider-configs.ts'
import { createSchemes } from '../../agent/identity/schemes.ts'
import { compileRules } from '../../agent/rules/compile.ts'
import { VARIABLE_PREFIX } from '../../agent/rules/variables.ts'
import { wordingOf } from '../../agent/wording.ts'
import { SpopError } from '../../node-spoe/src/index.ts'
import { FakeClock, memoryLog, until } from '../agent/identity/support/provider.ts'
import { bearer, type HaproxyVersion } from './edge.ts'
import { shipped } from './shipped-files.ts'
import { type Pair, type SpoeRequest, startPair } from './spoe.ts'
import { expose } from './spoe-config.ts'

const HEAD = `version: 1
spop: { listen: "tcp://127.0.0.1:9000" }
temporal: { address: "127.0.0.1:7233" }
`
const DEADLINE_MS = 15_000

/** Rules of these tests start no workflows. */
const NO_DISPATCHER = { dispatch: () => false, leaveOut: () => {} } as unknown as Dispatcher

/** What HAProxy answered, and what it was told. */
export interface Told {
  readonly status: number
  readonly reason: string | undefined
  readonly subject: string | undefined
  readonly challenge: string | undefined
  readonly retryAfter: string | undefined
}

/**
 * Real HAProxy, and behind it the decision as the agent makes it, with clocks that stand still and with bounds of the
 * test's own: hours pass at once, and nothing happens at a time that the test did not set.
 */
export interface ClockedEdge extends Pick<Pair, 'stop'> {
  readonly clock: FakeClock
  /** For the age of keys and answers, and for pauses. */
  readonly monotonic: FakeClock
  /** Of all that were in force. */
  readonly log: ReturnType<typeof memoryLog>
  /** `identity` and `rules` of an agent.yaml, from now on and with nothing known from before; waits for its providers. */
  use(config: string, limits?: Pick<AuthenticatorOptions, 'keyLimits' | 'cacheLimits'>): Promise<Authenticator>
  /** Both clocks go on. */
  pass(ms: number): void
  /** Below /hooks/ the agent is shown the body. */
  ask(path: string, token?: string, options?: SpoeRequest): Promise<Told>
  /** Status and reason. */
  outcome(path: string, token?: string): Promise<[status: number, reason: string | undefined]>
}

/** What the shipped haproxy.cfg answers where the agent refuses. */
function shippedRefusals(): string {
  const lines = shipped('haproxy.cfg').split('\n')
  return lines.filter((line) => /^ *http-request return .*\{ var\(txn\.temporal\.status\) /.test(line)).join('\n')
}

/** @param headers that the agent is shown, beside Authorization */
export async function startClockedEdge(version: HaproxyVersion, headers: readonly string[] = []): Promise<ClockedEdge> {
  const args = [
    'id=unique-id method=method host=req.fhdr(host) path=path query=query src=src tls=ssl_fc',
    'auth=req.fhdr(authorization) auth_count=req.fhdr_cnt(authorization)',
    ...headers.map((name) => {
      const [value, count] = headerArguments(name)
      return `${value}=req.fhdr(${name}) ${count}=req.fhdr_cnt(${name})`
    }),
  ]
    .map((line) => `args ${line}`)
    .join('\n')
  const [clock, monotonic, log] = [new FakeClock(), new FakeClock(1000), memoryLog()]
  let inForce: Authenticator | undefined
  const pair = await startPair({
    version,
    name: VARIABLE_PREFIX,
    agent: { messages: {}, varPrefix: VARIABLE_PREFIX, deadlineMs: DEADLINE_MS },
    messages: `
spoe-message check
${args}
event on-frontend-http-request unless { path_beg /hooks/ }

spoe-group body
messages check_body

spoe-message check_body
${args}
args body=req.body body_size=req.body_size`,
    web: `
unique-id-format %{+X}o\\ %Ts-%[uuid]
http-request wait-for-body time 5s if { path_beg /hooks/ }
http-request send-spoe-group ${VARIABLE_PREFIX} body if { path_beg /hooks/ }
${shippedRefusals()}
http-request deny deny_status 503 unless { var(txn.temporal.decision) -m str allow }
${expose('txn.temporal.reason', 'txn.temporal.subject')}`,
  })

  async function ask(path: string, token?: string, options: SpoeRequest = {}): Promise<Told> {
    const credential = token === undefined ? {} : bearer(token)
    const { status, headers: told } = await pair.get(path, {
      ...options,
      headers: { ...options.headers, ...credential },
    })
    return {
      status,
      reason: told['x-txn-temporal-reason'],
      subject: told['x-txn-temporal-subject'],
      challenge: told['www-authenticate'],
      retryAfter: told['retry-after'],
    }
  }

  return {
    clock,
    monotonic,
    log,
    async use(text, limits = {}) {
      const { config, document } = parseConfig('agent.yaml', HEAD + text, {})
      const ruleSet = compileRules(config, document)
      const authenticator = createAuthenticator(providerConfigs(config), {
        now: clock.now,
        monotonicMs: monotonic.now,
        log,
        schemes: (context) => createSchemes(config.identity.providers, { ...context, kept: new Kept() }),
        checks: [(identity, evidence) => checkBinding(identity, evidence, undefined)],
        ...limits,
      })
      const counters = new DecisionCounters(ruleSet.rules)
      const wording = wordingOf(config, {
        authenticator,
        dpopNonce: () => undefined,
        rateLimitKey: undefined,
        resourceMetadata: () => undefined,
      })
      const options = {
        ruleSet,
        authenticator,
        dispatcher: NO_DISPATCHER,
        deadlineMs: DEADLINE_MS,
        counters,
        actors: new Actors(),
        wording,
      }
      pair.agent.replaceHandlers({
        messages: { check: checkHandler(options), check_body: checkHandler(options, 'check_body') },
        fallback: checkFallback(counters, wording, DEADLINE_MS),
      })
      inForce?.close()
      inForce = authenticator
      authenticator.start()
      await until(() => authenticator.ready())
      return authenticator
    },
    pass(ms) {
      clock.advance(ms)
      monotonic.advance(ms)
    },
    ask,
    async outcome(path, token) {
      const { status, reason } = await ask(path, token)
      return [status, reason]
    },
    async stop() {
      await pair.stop()
      inForce?.close()
      // What a handler threw: its request was refused, for a reason that tells nothing of the cause.
      const thrown = pair.errors.filter((error) => !(error instanceof SpopError))
      if (thrown.length > 0) throw new AggregateError(thrown, 'decisions failed')
    },
  }
}
