import { openActors } from '../actor/open.ts'
import { Actors } from '../actor/actors.ts'
import type { LoadedConfig } from '../config/load.ts'
import type { AgentConfig } from '../config/schema.ts'
import { UserError } from '../errors.ts'
import type { Question } from '../evidence.ts'
import type { Authenticator } from '../identity/authenticator.ts'
import type { DenyReason } from '../identity/reasons.ts'
import type { Needs } from '../identity/scheme.ts'
import { wordingOf } from '../wording.ts'
import { type AssumedCaller, assumingAuthenticator } from './assumed.ts'
import { type Answer, Engine } from './engine.ts'
import { MissingFacts } from './replay/missing.ts'
import { RecordedCallers } from './replay/recorded-authenticator.ts'
import type { RecordedRequest } from './replay/recorded.ts'
import { type Explanation, explanationOf } from './explanation.ts'
import { NoLimits } from './no-limits.ts'
import { identityForExplain, startProviders, troubles } from './providers.ts'
import type { AskedRequest } from './question.ts'
import { queryNames, Secrets } from './secrets.ts'
import { Steps, type Tried } from './steps.ts'

export interface ExplainOptions {
  readonly question?: Question
  /** Says who calls; without it the credential of the request is verified. */
  readonly as?: AssumedCaller | undefined
  /** A request of the past, whose record says who called. */
  readonly record?: RecordedRequest | undefined
  /** Milliseconds that providers are waited for. */
  readonly timeoutMs: number
  /** Told what is being waited for. */
  readonly progress: (text: string) => void
}

export interface ExplainResult {
  readonly explanation: Explanation
  /** A provider could not be asked, so the answer tells of this machine and not of the caller. */
  readonly unreachable: UserError | undefined
}

/** Reasons that tell of providers and not of callers. */
const AWAY: ReadonlySet<string> = new Set<DenyReason>([
  'keys_unavailable',
  'introspection_unavailable',
  'sts_unavailable',
  'forward_auth_unavailable',
  'secrets_unavailable',
])

/** Decisions of which the middle one's time is told. */
const AGAIN = 200

/**
 * Decides a request as the agent would, and tells why.
 * @throws {ConfigError} when the rules do not compile
 * @throws {UserError} EXPLAIN_UNREACHABLE when a provider does not answer in time, and what the secrets need is missing
 */
export async function explain(
  loaded: LoadedConfig,
  asked: AskedRequest,
  { question = 'check', as, record, timeoutMs, progress }: ExplainOptions,
): Promise<ExplainResult> {
  const { config } = loaded
  const identity = identityForExplain(config, progressLog(progress))
  const { needs } = identity.authenticator
  const opened = await openActors(config.actor, QUIET)
  try {
    const authenticator = callersFrom({ as, record }, identity.authenticator, config)
    const wording = wordingOf(config, identity)
    const steps = new Steps()
    const engine = new Engine(loaded, { authenticator, actors: opened.actors, wording, trace: steps })
    const secrets = new Secrets(asked, config, needs)
    const providers = Object.keys(config.identity.providers)
    if (authenticator === identity.authenticator && showsCredential(asked, needs, queryNames(config.identity))) {
      progress(`asking the providers ${providers.join(', ')}`)
      await startProviders(identity, timeoutMs)
    }
    // Set once, so that a request without an id is the same one when it is asked again.
    const request = { ...asked, id: asked.id ?? newId(), at: asked.at ?? Date.now() }
    steps.reset()
    const answer = await inTime(engine.ask(request, question), timeoutMs)
    const tried = [...steps.all]
    const again = new Engine(loaded, { authenticator, actors: new Actors(), wording, limiters: new NoLimits() })
    const policy = question === 'connect' ? engine.ruleSet.connections : engine.ruleSet
    const explanation = explanationOf({
      loaded,
      policy,
      asked: request,
      answer,
      tried,
      secrets,
      actors: opened.actors,
      source: as !== undefined ? 'assumed' : record !== undefined ? 'recorded' : 'proven',
      againUs: await medianUs(again, request, question),
      notes: [...notesOf(asked, answer, { as, record }), ...missingNotes(record, tried, answer, config, engine)],
    })
    const why =
      authenticator === identity.authenticator && AWAY.has(answer.decision.reason) ? troubles(identity) : undefined
    return { explanation, unreachable: why && unreachable(why.map((text) => secrets.clean(text))) }
  } finally {
    identity.close()
    opened.close()
  }
}

function callersFrom(
  { as, record }: Pick<ExplainOptions, 'as' | 'record'>,
  verifying: Authenticator,
  config: AgentConfig,
): Authenticator {
  if (as !== undefined) return assumingAuthenticator(as, verifying.needs)
  if (record === undefined) return verifying
  const callers = new RecordedCallers(verifying.needs, config)
  callers.use(record)
  return callers.authenticator
}

/** What the record of a request does not tell, and a rule looked at. */
function missingNotes(
  record: RecordedRequest | undefined,
  tried: readonly Tried[],
  { decision }: Answer,
  config: AgentConfig,
  { ruleSet }: Engine,
): string[] {
  if (record === undefined) return []
  const missing = new MissingFacts(config, ruleSet.tellsHostsApart).of(record, tried, decision)
  if (missing.length === 0) return ['The record has all that this decision rests on.']
  const scopes = missing.includes('identity.scopes')
    ? [' Who was let in then is taken to have the scopes that rules ask for.']
    : []
  return [
    `The record does not tell ${missing.join(', ')}, which rules looked at: with them it may be otherwise.${scopes.join('')}`,
  ]
}

const QUIET = { info() {}, warn() {}, error() {} }

function progressLog(progress: (text: string) => void): typeof QUIET {
  const tell = ({ provider, error }: { provider?: unknown; error?: unknown }, message: string): void =>
    progress([provider, message, error].filter((part) => typeof part === 'string').join(': '))
  return { info() {}, warn: tell, error: tell } as typeof QUIET
}

function unreachable(why: readonly string[]): UserError {
  return new UserError('EXPLAIN_UNREACHABLE', why.length === 0 ? 'no provider has answered' : why.join('; '))
}

async function inTime<T>(pending: T | Promise<T>, timeoutMs: number): Promise<T> {
  if (!(pending instanceof Promise)) return pending
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(unreachable([`no answer within ${timeoutMs / 1000} s`])), timeoutMs)
  })
  try {
    return await Promise.race([pending, late])
  } finally {
    clearTimeout(timer)
  }
}

/** The middle of many, once everything is known; undefined where an answer still has to be waited for. */
async function medianUs(engine: Engine, request: AskedRequest, question: Question): Promise<number | undefined> {
  const times: number[] = []
  for (let i = 0; i < AGAIN; i++) {
    const answer = engine.ask(request, question)
    if (answer instanceof Promise) {
      await answer
      return undefined
    }
    times.push(answer.us)
  }
  return times.toSorted((a, b) => a - b)[AGAIN / 2]
}

/** Whether anybody needs to be asked about it. */
function showsCredential(
  { headers, query, certificate, body }: AskedRequest,
  needs: Needs,
  parameters: readonly string[],
): boolean {
  const places = new Set(['authorization', ...needs.headers, ...needs.bodyHeaders])
  const inField = headers.some(([name]) => places.has(name.toLowerCase()))
  return inField || parameters.some((name) => query.includes(name)) || certificate !== undefined || body !== undefined
}

/** As `unique-id-format` of the shipped haproxy.cfg makes them. */
function newId(): string {
  return `${Math.floor(Date.now() / 1000)
    .toString(16)
    .toUpperCase()}-${crypto.randomUUID()}`
}

function notesOf(
  asked: AskedRequest,
  { decision, request }: Answer,
  { as, record }: Pick<ExplainOptions, 'as' | 'record'>,
): string[] {
  const notes: string[] = []
  if (as !== undefined) notes.push('The caller was given with --as, and nothing about him was verified.')
  if (asked.certificate !== undefined) {
    notes.push('HAProxy is taken to have verified the certificate: its "verify" and "ca-file" were not looked at.')
  }
  if (asked.at !== undefined && as === undefined && record === undefined)
    notes.push('--at is the time that rules see; credentials are judged as of now.')
  if (decision.rule !== undefined && decision.rule.limits.length > 0) {
    notes.push('Limits are shown as for the first request: their accounts are in the running agents.')
  }
  if (decision.rule?.readsVerdict === true) {
    notes.push('No verdicts are known here: they are in the running agents.')
  }
  if (request.path === '' && decision.reason === 'ambiguous_path') {
    notes.push('The path was refused before any rule was asked: servers read it differently.')
  }
  return notes
}
