import { z } from 'zod'
import { duration, name, refuse, text, variable } from '../config/fields.ts'
import { suggest } from '../config/suggest.ts'
import { denyReasons, type DenyReason } from '../identity/reasons.ts'
import type { DecisionReason } from '../rules/decision.ts'
import { verdictInput } from '../verdicts/verdict.ts'
import { AIMS, STARTS } from './actions.ts'
import { parseRequestLine, parseTarget, URL_EXPECTED } from './target.ts'

/** Most requests that one row may make: a limit is tested with a small rate. */
const MAX_REPEAT = 100_000

const at = z
  .string({ message: 'expected a time in quotes, such as "2026-01-07T12:00:00Z"' })
  .transform((value, ctx) => {
    const ms =
      /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}/.test(value) && /(?:Z|[+-]\d{2}:\d{2})$/.test(value) ? Date.parse(value) : NaN
    if (Number.isNaN(ms))
      return refuse(ctx, 'CONFIG_INVALID', 'expected a time with its zone, such as "2026-01-07T12:00:00Z"')
    return ms
  })
  .describe('When it comes, with its time zone; default is the time of the file')

const repeat = z
  .int({ message: 'expected a whole number of requests' })
  .min(1)
  .max(MAX_REPEAT)
  .describe('How often it comes; what is expected is expected of the last')

const source = z.string().min(1).describe('Address of the client; default 192.0.2.1')
const tlsFields = {
  tls: z.boolean().describe('Whether it comes over TLS; default: as the URL says').optional(),
  tlsVersion: text.describe('TLSv1.2, as ssl_fc_protocol names it; default TLSv1.3 over TLS').optional(),
  sni: text.describe('Server name that the client asked for; default none').optional(),
  alpn: text.describe('Protocol agreed on by ALPN, such as h2; default none').optional(),
}

const headerValue = z.string({ message: 'expected a text; a number, true or false stands in quotes' })

const requestMapping = z
  .strictObject({
    method: z
      .string()
      .regex(/^[A-Z]+$/, { message: 'expected a method in capitals, such as POST' })
      .default('GET'),
    url: z.string().refine((url) => parseTarget(url) !== undefined, { message: URL_EXPECTED }),
    id: text.describe('unique-id of HAProxy; default "test-" and a number').optional(),
    headers: z
      .record(
        z.string().regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}$/, { message: 'expected the name of a header field' }),
        z.union([headerValue.transform((one) => [one]), z.array(headerValue).min(1)]),
      )
      .default({})
      .describe('Header fields by name; a list for one that comes several times'),
    source: source.optional(),
    at: at.optional(),
    ...tlsFields,
  })
  .describe('What HAProxy tells of the request')

const request = z.union([
  z.string().transform((line, ctx) => {
    const parsed = parseRequestLine(line)
    if (parsed === undefined) return refuse(ctx, 'CONFIG_INVALID', 'expected a method and a URL, such as "GET /orders"')
    return requestMapping.parse(parsed)
  }),
  requestMapping,
])

const connection = z
  .strictObject({ source: source.optional(), at: at.optional(), id: text.optional(), ...tlsFields })
  .describe('A connection, for rules with "on: connection"')

/** One of the table; they are too many to be listed in an error. */
const reasonOf = <T extends DecisionReason>(known: readonly T[]): z.ZodType<T, string> =>
  z.string({ message: 'expected the name of a reason' }).transform((value, ctx) => {
    const found = known.find((one) => one === value)
    if (found !== undefined) return found
    const close = suggest(value, known)
    const hint = close === undefined ? 'docs/configuration.md lists them under "Reasons".' : `Did you mean "${close}"?`
    ctx.addIssue({
      code: 'custom',
      message: `no reason is called "${value}"`,
      params: { code: 'CONFIG_INVALID', hint },
    })
    return z.NEVER
  })
const denyReason: z.ZodType<DenyReason, string> = reasonOf(denyReasons)

/** Who calls: nobody, a named identity, several credentials at once, or one that fails. */
const caller = z.union([
  z.literal('none'),
  name,
  z.strictObject({ all: z.array(name).min(2, { message: 'expected two identities at least' }) }),
  z.strictObject({ reason: denyReason.describe('Why the identity fails: expired, keys_unavailable, …') }),
])

const identity = z
  .strictObject({
    provider: name.describe('Provider of agent.yaml that proves this caller'),
    subject: text.describe('Default: the name of the identity').optional(),
    issuer: text.optional(),
    tenant: z.string().default(''),
    roles: z.array(text).default([]),
    scopes: z.array(text).default([]),
    claims: z.record(z.string(), z.unknown()).default({}).describe('Claims of the token'),
    session: z.string().default(''),
    credentialId: z.string().default(''),
  })
  .describe('What is known of a verified caller')

const value = z.union([z.string(), z.number(), z.boolean(), z.null()], {
  message: 'expected a text, a number, true, false, or null for a variable that is not set',
})

const ID = 'an "…" stands for any text'
const values = (where: string) =>
  z.record(z.string(), value).describe(`All that the event carries in "${where}"`).optional()

/** What an action says of itself: the type of its workflow, or the id of the one that it is for. */
const typeOrId = Object.fromEntries([
  ...STARTS.map((action) => [action, text.describe('Workflow type').optional()]),
  ...AIMS.map((action) => [action, text.describe(`Workflow id; ${ID}`).optional()]),
]) as Record<(typeof STARTS | typeof AIMS)[number], z.ZodOptional<z.ZodString>>

const workflow = z.union(
  [
    z.literal('none'),
    z.strictObject({
      ...typeOrId,
      id: text.describe(`Workflow id; ${ID}`).optional(),
      eventId: text.describe(`Event id; ${ID}`).optional(),
      key: text.describe('Entity key of signal, meter and window').optional(),
      taskQueue: text.optional(),
      delivery: z.enum(['memory', 'durable', 'strict']).optional(),
      type: text.describe('Request type of the event').optional(),
      data: values('data'),
      memo: values('memo'),
      searchAttributes: values('searchAttributes'),
      sampledOut: z.boolean().describe('true: sampling leaves the event out').optional(),
    }),
  ],
  { message: 'expected "none" or what the workflow is, such as { start: requestHook }' },
)

const decision = z.enum(['allow', 'deny'])
const status = z.int().min(200).max(599)
const reason = reasonOf(['ok', 'fail_open', ...denyReasons])

interface ShadowDecision {
  readonly decision?: 'allow' | 'deny' | undefined
  readonly status?: number | undefined
  readonly reason?: z.output<typeof reason> | undefined
  readonly route?: string | undefined
}

const shadow = z
  .record(
    name,
    z.union([
      z.literal('none'),
      decision.transform((only): ShadowDecision => ({ decision: only })),
      z.strictObject({
        decision: decision.optional(),
        status: status.optional(),
        reason: reason.optional(),
        route: text.optional(),
      }) satisfies z.ZodType<ShadowDecision>,
    ]),
  )
  .describe('Rules in shadow mode by name, and what they would have decided; none: did not match')

const expected = z
  .strictObject({
    decision: decision.optional(),
    status: status.describe('HTTP status; 200 on an allow').optional(),
    reason: reason.describe('Why, as the variable "reason"').optional(),
    rule: text.describe('Name of the rule that decided; none: no rule matched').optional(),
    route: text.describe('The variable "route"; none: not set').optional(),
    location: text.describe('Where a redirect leads').optional(),
    message: text.describe('Text for the client').optional(),
    variables: z
      .record(variable, value)
      .describe('Variables of HAProxy by name, without prefix; null: not set')
      .optional(),
    workflow: workflow.describe('What is handed to Temporal; none: nothing').optional(),
    shadow: shadow.optional(),
  })
  .superRefine((given, ctx) => {
    if (Object.keys(given).length > 0) return
    refuse(ctx, 'CONFIG_MISSING', 'expected at least a "decision", or the test passes whatever happens')
  })

/** Beyond every time that a test names. */
const FOR_EVER = 8.64e15
const verdict = z.preprocess(
  (value) => (typeof value === 'object' && value !== null ? { expiresAt: FOR_EVER, ...value } : value),
  verdictInput,
)

const asked = {
  request: request.optional(),
  connection: connection.optional(),
  as: z
    .union([caller.transform((one) => [one]), z.array(caller).min(1)])
    .describe('Who calls, or a list to try the row with each; left out: nobody')
    .optional(),
  repeat: repeat.optional(),
  every: duration(1, 86_400_000).describe('Time between the requests of "repeat"; default none').optional(),
}

const before = z
  .strictObject({ ...asked, as: caller.optional() })
  .describe('What came before; what is left out is as in the row')

const row = z
  .strictObject({
    name: text.max(200).describe('A sentence, unique in the file'),
    ...asked,
    before: z.array(before).default([]).describe('Requests that come first, for limits'),
    verdicts: z.array(verdict).default([]).describe('What workflows have said of callers'),
    expect: expected,
  })
  .superRefine(({ request: one, connection: other }, ctx) => {
    if ((one === undefined) === (other === undefined)) {
      refuse(ctx, one === undefined ? 'CONFIG_MISSING' : 'CONFIG_CONFLICT', 'expected either "request" or "connection"')
    }
  })

/** A file of tests. */
export const testFileSchema = z.strictObject({
  config: text.describe('agent.yaml, from the folder of this file; default agent.yaml beside it').optional(),
  env: z
    .record(z.string(), z.string({ message: 'expected a text; a number stands in quotes' }))
    .default({})
    .describe('Environment variables that the configuration refers to; they come before those of the machine'),
  at: at.optional(),
  identities: z.record(name, identity).default({}),
  tests: z.array(row).min(1, { message: 'expected one test at least' }),
})

export type TestFile = z.output<typeof testFileSchema>
export type Row = TestFile['tests'][number]
export type Caller = z.output<typeof caller>
export type Asked = z.output<typeof before>
export type IdentitySettings = z.output<typeof identity>
export type Expected = z.output<typeof expected>
