import { CHECK_ARGUMENTS, CONNECT_ARGUMENTS, type ExtraArgument, extraArguments, requestNeeds } from '../evidence.ts'
import { identityOf } from '../identity/from-config.ts'
import { OUTCOME_ARGUMENTS, type WINDOW_ARGUMENTS } from '../outcome.ts'
import type { LintInput } from './input.ts'

/** An argument that the agent reads of a message. */
export interface NeededArgument {
  readonly name: string
  /** How HAProxy fetches it. */
  readonly fetch: string
  /** Fetches that do as well; absent: any will do, because another one only says something else. */
  readonly accepts?: RegExp
  /** Who needs it, where not every configuration does. */
  readonly by?: string
  /** Whether HAProxy knows nothing of it when a client has just connected, before the first byte. */
  readonly notYet?: boolean
}

/** A message that the agent takes, and what must be in it. */
export interface NeededMessage {
  readonly name: string
  readonly needed: readonly NeededArgument[]
  /** Whether nothing works without it. */
  readonly required: boolean
  /** The event that is the right one; absent: it comes by a group, or by any. */
  readonly event?: string
  /** Why it is missed, and how to send it, where not everybody needs it. */
  readonly missing?: string
  readonly hint?: string
}

const SILENT = { info() {}, warn() {}, error() {} }

/** How the shipped spoe.conf fetches what every configuration needs. */
const FETCHES: Readonly<Record<keyof typeof CHECK_ARGUMENTS | keyof typeof OUTCOME_ARGUMENTS, string>> = {
  id: 'unique-id',
  method: 'method',
  host: 'req.fhdr(host)',
  path: 'path',
  query: 'query',
  src: 'src',
  tls: 'ssl_fc',
  auth: 'req.fhdr(authorization)',
  auth_count: 'req.fhdr_cnt(authorization)',
  rule: 'var(txn.temporal.rule)',
  tenant: 'var(txn.temporal.tenant)',
  status: 'status',
  backend: 'be_name',
  server: 'srv_name',
}

/**
 * Fetches that see a second Authorization header; any other one hides it, or splits the value at its commas. And those of
 * connections, where there are two ways.
 */
const ACCEPTS: ReadonlyMap<string, RegExp> = new Map([
  ['auth', /^req\.fhdr\(authorization(?:,-?1)?\)$/i],
  ['auth_count', /^req\.fhdr_cnt\(authorization\)$/i],
  // A TCP proxy that passes TLS through reads them of the hello of the client.
  ['sni', /^(?:ssl_fc_sni|req\.ssl_sni|req_ssl_sni)$/i],
  ['alpn', /^(?:ssl_fc_alpn|req\.ssl_alpn)$/i],
  ['tls_version', /^(?:ssl_fc_protocol|req\.ssl_ver|req_ssl_ver)(?:,.*)?$/i],
])

/** What windows are counted from: the first two are what the agent gave the request along. */
const WINDOW_NEEDS: readonly NeededArgument[] = Object.entries({
  wkey: 'var(txn.temporal.wkey)',
  at: 'var(txn.temporal.at)',
  bytes: 'res.body_size',
} satisfies Record<keyof typeof WINDOW_ARGUMENTS, string>).map(([name, fetch]) => ({
  name,
  fetch,
  ...(name !== 'bytes' && { accepts: exactly(fetch) }),
  by: 'a window',
}))

/** What a configuration needs spoe.conf to send. */
export function neededMessages({ loaded: { config }, needs }: Pick<LintInput, 'loaded' | 'needs'>): NeededMessage[] {
  const parts = identityOf(config, SILENT)
  parts.close()
  const providers = parts.authenticator.needs
  const extra = extraArguments(requestNeeds(providers, needs.request))
  const { connect } = extraArguments(requestNeeds(providers, needs.connection))
  const own = new Set(names(extraArguments(providers)))
  const some = (list: readonly ExtraArgument[]): NeededArgument[] =>
    list.map(({ name, fetch }) => ({
      name,
      fetch,
      accepts: ACCEPTS.get(name) ?? exactly(fetch),
      by: own.has(name) ? 'a provider' : 'a rule',
    }))
  const windows = config.rules.some(({ workflow }) => workflow?.window !== undefined)
  // Of connections, and of requests that are refused, there is no outcome to wait for.
  const overBudget = config.rules.some(
    ({ on, deny, redirect, workflow }) =>
      on === 'request' && deny === undefined && redirect === undefined && typeof workflow?.budget?.then === 'object',
  )
  const always = Object.keys(CHECK_ARGUMENTS).map((name) => needed(name as keyof typeof CHECK_ARGUMENTS))
  return [
    {
      name: 'check',
      needed: [...always, ...some(extra.check)],
      // There may be nothing but connections.
      required: config.rules.length === 0 || config.rules.some(({ on }) => on === 'request'),
      event: 'on-frontend-http-request',
    },
    {
      name: 'check_body',
      needed: [...always, ...some(extra.body)],
      required: extra.body.length > 0,
      missing: 'a provider reads bodies, but no spoe-group sends a message "check_body"',
      hint: 'Webhooks need a message of their own: see docs/identity/webhooks.md.',
    },
    {
      name: 'connect',
      needed: [
        ...Object.keys(CONNECT_ARGUMENTS).map((name) => ({
          ...needed(name as keyof typeof CONNECT_ARGUMENTS),
          ...(name !== 'src' && { notYet: true }),
          ...(needs.connection.others.includes(name) && { by: 'a rule' }),
        })),
        ...some(connect).map((argument) => ({ ...argument, notYet: true })),
      ],
      required: config.rules.some(({ on }) => on === 'connection'),
      missing: 'a rule is about connections, but no message "connect" is sent',
      hint: 'Rules with "on: connection" need a message of their own: see docs/recipes/tcp.md.',
    },
    {
      name: 'outcome',
      needed: [
        ...Object.keys(OUTCOME_ARGUMENTS).map((name) => needed(name as keyof typeof OUTCOME_ARGUMENTS)),
        ...(windows || overBudget ? WINDOW_NEEDS : []),
      ],
      // Without windows it only counts statuses.
      required: windows || overBudget,
      missing: 'a rule counts in windows, but no message "outcome" tells how requests end',
      hint: 'Windows need the message "outcome" as in the shipped spoe.conf.',
    },
  ]
}

function needed(name: keyof typeof FETCHES): NeededArgument {
  const accepts = ACCEPTS.get(name)
  return { name, fetch: FETCHES[name], ...(accepts !== undefined && { accepts }) }
}

function names({ check, body, connect }: ReturnType<typeof extraArguments>): string[] {
  return [...check, ...body, ...connect].map(({ name }) => name)
}

function exactly(fetch: string): RegExp {
  return new RegExp(`^${fetch.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}$`, 'i')
}
