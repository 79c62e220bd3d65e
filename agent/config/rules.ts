import { z } from 'zod'
import { cel, expression } from './expression.ts'
import { name, oneOrMore, text, variable } from './fields.ts'
import { limits } from './limit.ts'
import { networks, timeWindow, valueMatcher } from './match.ts'
import { workflow } from './workflow.ts'

/** Statuses that the shipped haproxy.cfg turns into responses. */
export const DENY_STATUSES = [400, 401, 403, 404, 429, 503] as const
const REDIRECT_STATUSES = [302, 303, 307, 308] as const
const TLS_VERSIONS = ['TLSv1.0', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3'] as const

export const denyStatus = z
  .union(
    DENY_STATUSES.map((status) => z.literal(status)),
    { message: `expected one of the statuses ${DENY_STATUSES.join(', ')}` },
  )
  .describe('HTTP status of the refusal')

/** One provider, several of which any will do, or several of which all are needed. */
const requirement = z.union([
  oneOrMore(text).transform((providers) => ({ mode: 'any' as const, providers })),
  z
    .strictObject({ any: oneOrMore(text).describe('Providers of which one must know the caller') })
    .transform(({ any }) => ({ mode: 'any' as const, providers: any })),
  z
    .strictObject({ all: oneOrMore(text).describe('Providers that must all know the caller; the first one names it') })
    .transform(({ all }) => ({ mode: 'all' as const, providers: all })),
])

const host = z.string().regex(/^(?:\*\.)?[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*$|^\[[0-9A-Fa-f:.]+\]$/, {
  message:
    'expected a host name without scheme and port, or "*." and a name; non-ASCII names as they go over the wire (xn--…)',
})
const hosts = oneOrMore(host).describe(
  'api.example.com, *.example.com for every name below it, or a list; without port, in any case',
)

const tls = z
  .union(
    [
      z.boolean(),
      z
        .strictObject({
          minVersion: z
            .enum(TLS_VERSIONS, { message: `expected one of ${TLS_VERSIONS.join(', ')}` })
            .describe('Oldest version of TLS that matches')
            .optional(),
          sni: hosts
            .describe('Server name that the client asked for; *.example.com for every name below it')
            .optional(),
        })
        .refine(({ minVersion, sni }) => minVersion !== undefined || sni !== undefined, {
          message: 'expected "minVersion" or "sni": without them it would match connections without TLS too',
        }),
    ],
    { message: 'expected true, false, or { minVersion, sni }' },
  )
  .describe('true: over TLS; false: without; or what of TLS must hold')

const backend = z.string().regex(/^[A-Za-z0-9_.:-]+$/, { message: 'expected the name of a backend of haproxy.cfg' })

const match = z
  .strictObject({
    method: oneOrMore(z.string().regex(/^[A-Z]+$/, { message: 'expected a method in capitals, such as POST' }))
      .describe('HTTP method, or a list')
      .optional(),
    host: hosts.optional(),
    path: oneOrMore(z.string().startsWith('/', { message: 'expected a path that begins with "/"' }))
      .describe(
        '/healthz exactly, /orders/** that and everything below it, /orders/*/items with one segment for each star, ' +
          '/orders/{id} the same with a name for captures.id, /files/{rest...} with a name for all that is below; or a list',
      )
      .optional(),
    pathRegex: text
      .describe('RE2 pattern, in linear time, found in the canonical path; its named groups are captures')
      .optional(),
    header: z
      .record(
        // As in expressions: "_" stands for "-" in the arguments of spoe.conf, and "x_a" must not be answered with "x-a".
        z.string().regex(/^[A-Za-z0-9-]{1,64}$/, { message: 'expected a header name: letters, digits and "-"' }),
        valueMatcher,
      )
      .describe('Header fields by name, all of which must fit; one that comes twice is refused')
      .optional(),
    query: z
      .record(text.max(256), valueMatcher)
      .describe(
        'Parameters of the query by name, percent-decoded, all of which must fit; one with two values is refused',
      )
      .optional(),
    source: networks.optional(),
    time: timeWindow.optional(),
    tls: tls.optional(),
    when: cel('a bool').optional(),
  })
  .describe('What of a request must fit; left out, everything does')

const rule = z.strictObject({
  name: name.describe(
    'Unique; at most 32 letters, digits, "-" and "_". Metrics, event ids and workflow ids use it: do not rename it lightly',
  ),
  on: z
    .enum(['request', 'connection'])
    .default('request')
    .describe('connection: asked when a client connects, by the message "connect", with no request to look at'),
  mode: z
    .enum(['enforce', 'shadow'])
    .default('enforce')
    .describe('shadow: what the rule would have done is counted, and the next rules decide'),
  match: match.default({}),
  identity: z
    .union(
      [
        z.literal('none'),
        z.strictObject({
          require: requirement.describe(
            'A provider; a list or { any } of which one will do; { all } of which each must be proven',
          ),
          scopes: z.array(text).default([]).describe('Scopes that the caller must have'),
          optional: z
            .boolean()
            .default(false)
            .describe(
              'true: who shows no credential at all is let in as nobody; an invalid one is refused all the same',
            ),
          failOpen: z
            .boolean()
            .default(false)
            .describe('true: while the provider is away, callers are let in unproven. Anybody can come in then'),
          redirect: cel('a URL: callers that are refused with 401 are sent there, with status 302').optional(),
        }),
      ],
      { message: 'expected "none" or { require: <provider>, scopes: […] }' },
    )
    .describe('Who may call: none for everybody, or a provider that must prove it')
    .optional(),
  limit: limits.optional(),
  deny: denyStatus
    .describe(
      'Refuses the request with this status; callers who fail "identity" are refused with a status of their own',
    )
    .optional(),
  redirect: z
    .strictObject({
      to: cel('a URL, the variable "location"'),
      status: z
        .union(
          REDIRECT_STATUSES.map((status) => z.literal(status)),
          { message: `expected one of the statuses ${REDIRECT_STATUSES.join(', ')}` },
        )
        .default(302)
        .describe('HTTP status of the redirect'),
    })
    .describe('Sends the client elsewhere')
    .optional(),
  message: text
    .max(200)
    .regex(/^[^\x00-\x1f\x7f]*$/, { message: 'expected a text without control characters' })
    .describe('Text for clients that the rule refuses, the variable "message"')
    .optional(),
  set: z.record(variable, expression).default({}).describe('Variables of HAProxy: name to CEL expression'),
  route: backend.describe('A backend of haproxy.cfg, the variable "route"').optional(),
  routeBy: z
    .strictObject({
      value: cel('the name of a backend, a string: verdict.route, for one'),
      among: z
        .array(backend)
        .min(1, { message: 'expected one backend at least' })
        .describe('Backends that it may name'),
    })
    .describe('Chooses the route by an expression; where it gives none of the backends named, "route" holds')
    .optional(),
  workflow: workflow.optional(),
})

const group = z
  .strictObject({
    host: hosts,
    rules: z
      .array(rule)
      .min(1, { message: 'expected one rule at least' })
      .describe('Rules without a host of their own'),
  })
  .superRefine(({ rules: members }, ctx) => {
    for (const [k, { match: own }] of members.entries()) {
      if (own.host === undefined) continue
      const message = 'the group has a "host" for all its rules'
      const path = ['rules', k, 'match', 'host']
      ctx.addIssue({ code: 'custom', path, message, params: { code: 'CONFIG_CONFLICT' } })
    }
  })
  .describe('Rules of one host, tried where the group stands')

/** A rule, and where in the file it stands. */
export type RuleConfig = z.output<typeof rule> & { readonly at: readonly (string | number)[] }
export type MatchConfig = RuleConfig['match']

/** One entry of `rules`. */
export const ruleEntry = z.union([rule, group])

/** The rules of an entry: groups are taken apart, for a host is all that they add. */
export function placed(entry: z.output<typeof ruleEntry>, index: number): RuleConfig[] {
  if (!('rules' in entry)) return [{ ...entry, at: ['rules', index] }]
  const { host } = entry
  return entry.rules.map((one, k) => ({
    ...one,
    match: { ...one.match, host: one.match.host ?? host },
    at: ['rules', index, 'rules', k],
  }))
}

export const rules = z
  .array(ruleEntry)
  .transform((entries): RuleConfig[] => entries.flatMap(placed))
  .describe('Tried in their order; the first that matches decides')
