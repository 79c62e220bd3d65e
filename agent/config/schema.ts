import { z } from 'zod'
import { actorSchema } from './actor.ts'
import { MIN_KEY_CHARACTERS } from '../identity/pseudonym.ts'
import { isNetwork } from './address.ts'
import { audit } from './audit.ts'
import { duration, name, oneOrMore, refuse, secret, text, variable } from './fields.ts'
import { provider } from './providers/provider.ts'
import { revocation } from './revocation.ts'

/** Statuses that the shipped haproxy.cfg turns into responses. */
export const DENY_STATUSES = [400, 401, 403, 404, 429, 503] as const

function address(schemes: RegExp, example: string): z.ZodType<string> {
  const message = `expected an address such as ${example}`
  return z
    .string({ message })
    .regex(schemes, { message })
    .refine((value) => !value.startsWith('tcp:') || isPort(value), PORT_MESSAGE)
}

/** A whole number from 1; text too, because inside { } an environment reference has to be quoted. */
const count = z.preprocess(
  (value) => (typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value),
  z.int().min(1),
)

/** One entry of `spop.listen`. */
export interface ListenConfig {
  readonly address: string
  /** Permission bits of a UNIX socket. */
  readonly mode?: number | undefined
  /** Addresses and networks that may connect. */
  readonly allow?: readonly string[] | undefined
  readonly tls?: { certFile: string; keyFile: string; clientCaFile?: string | undefined } | undefined
}

const HOST_PORT = /^(?:\[[0-9a-fA-F:.]+\]|[^\s:/[\]]+):\d{1,5}$/
const TCP = /^tcp:\/\/(?:\[[0-9a-fA-F:.]+\]|[^\s:/[\]]+):\d{1,5}$/
const SPOP = /^(?:tcp:\/\/(?:\[[0-9a-fA-F:.]+\]|[^\s:/[\]]+):\d{1,5}|unix:\/\/\/.+|systemd:[^/:]*)$/

const PORT_MESSAGE = { message: 'expected a port up to 65535' }
const isPort = (address: string): boolean => Number(/:(\d+)$/.exec(address)?.[1] ?? 0) <= 65_535

const temporalTls = z.union([
  z.boolean(),
  z
    .strictObject({
      caFile: text.optional(),
      certFile: text.optional(),
      keyFile: text.optional(),
      serverName: text.optional(),
    })
    .superRefine(({ certFile, keyFile }, ctx) => {
      if ((certFile === undefined) !== (keyFile === undefined)) {
        refuse(ctx, 'CONFIG_CONFLICT', 'a client certificate needs both "certFile" and "keyFile"')
      }
    }),
])

const workflowCommon = {
  taskQueue: text.max(200).default('edge'),
  delivery: z.enum(['memory', 'durable']).default('memory'),
}
const key = text.describe('CEL expression that gives the entity key, a string')
const workflowType = z.string().regex(/^[A-Za-z_][A-Za-z0-9_.-]{0,199}$/, { message: 'expected a workflow type' })

/** Exactly one of start, signal and meter; a plain object so that an unknown key is reported as just that. */
const workflow = z
  .strictObject({
    start: workflowType.optional(),
    signal: workflowType.optional(),
    meter: workflowType.optional(),
    key: key.optional(),
    keyAs: z.enum(['plain', 'pseudonym']).default('plain'),
    query: z.boolean().default(false),
    type: text.max(200).optional(),
    ...workflowCommon,
  })
  .superRefine((value, ctx) => {
    const kinds = (['start', 'signal', 'meter'] as const).filter((kind) => value[kind] !== undefined)
    if (kinds.length !== 1) {
      refuse(
        ctx,
        'CONFIG_CONFLICT',
        'expected exactly one of "start", "signal" and "meter", each naming a workflow type',
      )
    } else if (kinds[0] === 'start' && value.key !== undefined) {
      refuse(ctx, 'CONFIG_CONFLICT', '"start" makes one workflow for each request and takes no "key"')
    } else if (kinds[0] !== 'start' && value.key === undefined) {
      refuse(
        ctx,
        'CONFIG_MISSING',
        `"${kinds[0]}" needs a "key": which workflow the event belongs to, for example identity.tenant`,
      )
    }
  })

const denyStatus = z.union(
  DENY_STATUSES.map((status) => z.literal(status)),
  { message: `expected one of the statuses ${DENY_STATUSES.join(', ')}` },
)

/** One provider, several of which any will do, or several of which all are needed. */
const requirement = z.union([
  oneOrMore(text).transform((providers) => ({ mode: 'any' as const, providers })),
  z.strictObject({ any: oneOrMore(text) }).transform(({ any }) => ({ mode: 'any' as const, providers: any })),
  z.strictObject({ all: oneOrMore(text) }).transform(({ all }) => ({ mode: 'all' as const, providers: all })),
])

const rule = z.strictObject({
  name,
  match: z
    .strictObject({
      method: oneOrMore(
        z.string().regex(/^[A-Z]+$/, { message: 'expected a method in capitals, such as POST' }),
      ).optional(),
      host: oneOrMore(
        z.string().regex(/^(?:\*\.)?[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*$|^\[[0-9A-Fa-f:.]+\]$/, {
          message:
            'expected a host name without scheme and port, or "*." and a name; non-ASCII names as they go over the wire (xn--…)',
        }),
      ).optional(),
      path: oneOrMore(z.string().startsWith('/', { message: 'expected a path that begins with "/"' })).optional(),
      when: text.optional(),
    })
    .default({}),
  identity: z
    .union(
      [
        z.literal('none'),
        z.strictObject({
          require: requirement,
          scopes: z.array(text).default([]),
          optional: z.boolean().default(false),
          failOpen: z.boolean().default(false),
        }),
      ],
      { message: 'expected "none" or { require: <provider>, scopes: […] }' },
    )
    .optional(),
  deny: denyStatus.optional(),
  set: z.record(variable, text).default({}),
  route: z
    .string()
    .regex(/^[A-Za-z0-9_.:-]+$/, { message: 'expected the name of a backend of haproxy.cfg' })
    .optional(),
  workflow: workflow.optional(),
})

const spopAddress = address(SPOP, 'tcp://127.0.0.1:9000, unix:///run/haproxy-temporal/spop.sock or systemd:')

/** Where HAProxy connects: an address, or an address with what it takes. */
const listen = z.preprocess(
  (value) => (typeof value === 'string' || typeof value === 'number' ? { address: value } : value),
  z
    .strictObject({
      address: spopAddress,
      mode: z
        .string({ message: 'expected permission bits in quotes, such as "0660"' })
        .regex(/^0?[0-7]{3}$/, { message: 'expected permission bits in quotes, such as "0660"' })
        .transform((bits) => Number.parseInt(bits, 8))
        .optional(),
      allow: z
        .array(z.string().refine(isNetwork, { message: 'expected an IP address or a network such as 10.0.0.0/8' }))
        .min(1)
        .optional(),
      tls: z.strictObject({ certFile: text, keyFile: text, clientCaFile: text.optional() }).optional(),
    })
    .superRefine(({ address: where, mode, allow, tls }, ctx) => {
      const isUnix = where.startsWith('unix:')
      if (isUnix && allow !== undefined) refuse(ctx, 'CONFIG_CONFLICT', '"allow" is for TCP; a UNIX socket has "mode"')
      if (!isUnix && mode !== undefined) refuse(ctx, 'CONFIG_CONFLICT', '"mode" is for UNIX sockets')
      if (isUnix && tls !== undefined) refuse(ctx, 'CONFIG_CONFLICT', '"tls" is for TCP')
    }),
)

/** A secret that names are hashed with: with a short one they could be found by trying. */
const keyedSecret = secret.superRefine((value, ctx) => {
  if ('value' in value && value.value.length < MIN_KEY_CHARACTERS) {
    refuse(ctx, 'CONFIG_INVALID', `expected at least ${MIN_KEY_CHARACTERS} characters`)
  }
})

export const configSchema = z.strictObject({
  version: z.literal(1),
  spop: z.strictObject({
    listen: z.preprocess((value) => (Array.isArray(value) ? value : [value]), z.array(listen).min(1)),
    deadline: duration(1, 60_000).default(40),
    drain: duration(0, 600_000).default(3000),
    bufsize: count.optional(),
  }),
  admin: z.strictObject({ listen: address(TCP, 'tcp://127.0.0.1:9101') }).optional(),
  temporal: z
    .strictObject({
      address: z.string().regex(HOST_PORT, { message: 'expected host:port' }).refine(isPort, PORT_MESSAGE),
      namespace: text.default('default'),
      // Left open, it follows from the API key: a key must never travel in clear text.
      tls: temporalTls.optional(),
      apiKey: text.optional(),
    })
    .superRefine(({ tls, apiKey }, ctx) => {
      if (apiKey !== undefined && tls === false) {
        refuse(ctx, 'CONFIG_CONFLICT', '"apiKey" with "tls: false" would send the key in clear text')
      }
    })
    .transform((temporal) => ({ ...temporal, tls: temporal.tls ?? temporal.apiKey !== undefined })),
  outbox: z
    .strictObject({
      path: text.default('.data/outbox.db'),
      maxRows: count.default(1_000_000),
      drain: duration(0, 600_000).default(5000),
    })
    .prefault({}),
  audit: audit.optional(),
  queue: z.strictObject({ maxEvents: count.default(100_000) }).prefault({}),
  log: z.strictObject({ level: z.enum(['debug', 'info', 'warn', 'error']).default('info') }).prefault({}),
  identity: z
    .strictObject({
      providers: z.record(name, provider).default({}),
      // Without one no rlkey is given, and each process has nonces of its own.
      rateLimitKey: keyedSecret.optional(),
      dpopNonceKey: secret.optional(),
      revocation: revocation.optional(),
    })
    .prefault({}),
  actor: actorSchema.prefault({}),
  rules: z.array(rule),
  default: z.strictObject({ deny: denyStatus }).default({ deny: 403 }),
})

export type AgentConfig = z.output<typeof configSchema>
export type RuleConfig = AgentConfig['rules'][number]
export type WorkflowConfig = NonNullable<RuleConfig['workflow']>
