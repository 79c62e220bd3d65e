import { z } from 'zod'
import { actorSchema } from './actor.ts'
import { MIN_KEY_CHARACTERS } from '../identity/pseudonym.ts'
import { isNetwork } from './address.ts'
import { audit } from './audit.ts'
import { duration, name, refuse, secret, text } from './fields.ts'
import { provider } from './providers/provider.ts'
import { revocation } from './revocation.ts'
import { denyStatus, rules } from './rules.ts'
import { temporal } from './temporal.ts'

function address(schemes: RegExp, example: string): z.ZodType<string> {
  const message = `expected an address such as ${example}`
  return z
    .string({ message })
    .regex(schemes, { message })
    .refine((value) => !value.startsWith('tcp:') || isPort(value), PORT_MESSAGE)
}

/** Text too, because inside { } an environment reference has to be quoted. */
function numberOf(value: unknown): unknown {
  return typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value
}

/** A whole number from 1. */
const count = z.preprocess(numberOf, z.int().min(1))

/** Bytes: what HAProxy offers by default, and the most that node-spoe takes. */
const frameSize = z.preprocess(numberOf, z.int().min(16_380).max(268_435_456))

/** One entry of `spop.listen`. */
export interface ListenConfig {
  readonly address: string
  /** Permission bits of a UNIX socket. */
  readonly mode?: number | undefined
  /** Addresses and networks that may connect. */
  readonly allow?: readonly string[] | undefined
  readonly tls?: { certFile: string; keyFile: string; clientCaFile?: string | undefined } | undefined
}

const TCP = /^tcp:\/\/(?:\[[0-9a-fA-F:.]+\]|[^\s:/[\]]+):\d{1,5}$/
const SPOP = /^(?:tcp:\/\/(?:\[[0-9a-fA-F:.]+\]|[^\s:/[\]]+):\d{1,5}|unix:\/\/\/.+|systemd:[^/:]*)$/

const PORT_MESSAGE = { message: 'expected a port up to 65535' }
const isPort = (address: string): boolean => Number(/:(\d+)$/.exec(address)?.[1] ?? 0) <= 65_535

const spopAddress = address(SPOP, 'tcp://127.0.0.1:9000, unix:///run/haproxy-temporal/spop.sock or systemd:')

/** Where HAProxy connects: an address, or an address with what it takes. */
const listen = z
  .preprocess(
    (value) => (typeof value === 'string' || typeof value === 'number' ? { address: value } : value),
    z
      .strictObject({
        address: spopAddress.describe(
          'Where to listen: tcp://host:port, unix:///path, systemd: or systemd:name for a socket handed over by systemd',
        ),
        mode: z
          .string({ message: 'expected permission bits in quotes, such as "0660"' })
          .regex(/^0?[0-7]{3}$/, { message: 'expected permission bits in quotes, such as "0660"' })
          .transform((bits) => Number.parseInt(bits, 8))
          .optional()
          .describe(
            'Permission bits of a UNIX socket, in quotes, set before anyone can connect; without it the umask decides',
          ),
        allow: z
          .array(z.string().refine(isNetwork, { message: 'expected an IP address or a network such as 10.0.0.0/8' }))
          .min(1)
          .optional()
          .describe('Addresses and networks that may connect over TCP; without it anyone may'),
        tls: z
          .strictObject({
            certFile: text.describe(
              'PEM file with the certificate that the agent shows to HAProxy; these files are read again when they change',
            ),
            keyFile: text.describe('PEM file with its private key'),
            clientCaFile: text
              .optional()
              .describe("PEM file with the authorities of HAProxy's own certificate, which it must show then"),
          })
          .optional()
          .describe(
            `SPOP over TLS, for an agent on another host; HAProxy's side is "server … ssl verify required ca-file … crt …"`,
          ),
      })
      .superRefine(({ address: where, mode, allow, tls }, ctx) => {
        const isUnix = where.startsWith('unix:')
        if (isUnix && allow !== undefined)
          refuse(ctx, 'CONFIG_CONFLICT', '"allow" is for TCP; a UNIX socket has "mode"')
        if (!isUnix && mode !== undefined) refuse(ctx, 'CONFIG_CONFLICT', '"mode" is for UNIX sockets')
        if (isUnix && tls !== undefined) refuse(ctx, 'CONFIG_CONFLICT', '"tls" is for TCP')
      }),
  )
  .meta({ shorthand: 'address' })

/** A secret that names are hashed with, or that callers show: a short one could be found by trying. */
const keyedSecret = secret.superRefine((value, ctx) => {
  if ('value' in value && value.value.length < MIN_KEY_CHARACTERS) {
    refuse(ctx, 'CONFIG_INVALID', `expected at least ${MIN_KEY_CHARACTERS} characters`)
  }
})

export const configSchema = z.strictObject({
  version: z.literal(1).describe('Version of this format'),
  spop: z
    .strictObject({
      listen: z
        .preprocess((value) => (Array.isArray(value) ? value : [value]), z.array(listen).min(1))
        .meta({ shorthand: 'item' })
        .describe('Addresses for HAProxy: one, a list, or mappings where an address needs more'),
      deadline: duration(1, 60_000)
        .default(40)
        .describe('Every request is answered by then; must be below "timeout processing" of spoe.conf'),
      drain: duration(0, 600_000)
        .default(3000)
        .describe(
          'On a stop, health checks fail for so long before connections close; longer than "inter" times "fall" of the server line',
        ),
      scheduling: z
        .enum(['normal', 'realtime'])
        .default('normal')
        .describe(
          'realtime: Linux runs the thread that decides before everything else that wants its core (SCHED_RR); needs LimitRTPRIO=1 or CAP_SYS_NICE',
        ),
      bufsize: count
        .optional()
        .describe(
          "HAProxy's tune.bufsize in bytes, where it was raised without max-frame-size; without it: max-frame-size and 4",
        ),
      maxFrameSize: frameSize
        .default(65_536)
        .describe(
          "Largest frame that is taken from HAProxy, in bytes; raise it with HAProxy's tune.bufsize, for webhooks with larger bodies",
        ),
    })
    .describe('Where HAProxy reaches the agent, and how long answers may take'),
  // Without a token, revocations are taken from this machine only.
  admin: z
    .strictObject({
      listen: address(TCP, 'tcp://127.0.0.1:9101').describe(
        'Address for /metrics, /healthz, /readyz and /status, which everybody who reaches it may read, and for POST /revocations, POST /reload and all of /outbox, which the token guards',
      ),
      token: keyedSecret
        .optional()
        .describe(
          'Secret of 16 characters or more that callers of POST /revocations, POST /reload and all of /outbox show, readers too; without it they must be on this machine',
        ),
    })
    .optional()
    .describe('Metrics, health and calls to the agent; without it there is no such port'),
  temporal: temporal.describe('Where Temporal is'),
  outbox: z
    .strictObject({
      path: text.default('.data/outbox.db').describe('SQLite file on a local disk'),
      maxRows: count.default(1_000_000).describe('Events in the file; beyond it they are shed'),
      maxBytes: count
        .default(1_073_741_824)
        .describe('Bytes of the events in the file; beyond it they are shed. The file itself may be twice as large'),
      maxDeadLetters: count
        .default(100_000)
        .describe(
          'Events among the dead letters; beyond it, and beyond a quarter of maxBytes, the oldest dead letters are deleted',
        ),
      retain: duration(0, 365 * 86_400_000)
        .default(0)
        .describe('How long delivered events are kept for "outbox replay"; 0s: not at all'),
      encryptionKey: z
        .strictObject({
          file: text.describe('File with the keys, read again when it changes; "payload-key create" makes one'),
        })
        .optional()
        .describe('Keys that the events in the file are encrypted with; without it they are plain'),
      drain: duration(0, 600_000)
        .default(5000)
        .describe('On a stop, how long to go on delivering; events of the class "memory" that are left then are lost'),
    })
    .prefault({})
    .describe('Events of the classes "durable" and "strict" wait here until Temporal has them'),
  audit: audit.optional().describe('Audit records of decisions; without it none are written'),
  queue: z
    .strictObject({
      maxEvents: count.default(100_000).describe('Events in memory; beyond it they are shed'),
      maxBytes: count.default(67_108_864).describe('Their bytes; beyond it they are shed'),
    })
    .prefault({})
    .describe('Events that wait in memory'),
  reload: z
    .strictObject({
      watch: z
        .boolean()
        .default(false)
        .describe('Whether a change of the file is enough; SIGHUP and POST /reload always work'),
    })
    .prefault({})
    .describe('When this file is read again (docs/reload.md)'),
  log: z
    .strictObject({
      level: z
        .enum(['debug', 'info', 'warn', 'error'])
        .default('info')
        .describe('The least important level that is written'),
    })
    .prefault({})
    .describe("The agent's own log: JSON lines on standard error"),
  identity: z
    .strictObject({
      providers: z
        .record(name, provider)
        .default({})
        .describe('Providers of identities by name; rules ask for them by it, and metrics show it'),
      // Without one no rlkey is given, and each process has nonces of its own.
      rateLimitKey: keyedSecret
        .optional()
        .describe(
          'Secret of the variable "rlkey", 16 characters or more, the same on all agents; without it the variable is not set',
        ),
      dpopNonceKey: secret
        .optional()
        .describe('Secret of DPoP nonces, the same on all agents; without it each process has one of its own'),
      revocation: revocation.optional().describe('Lists of tokens, sessions and callers that are refused from now on'),
    })
    .prefault({})
    .describe('Who is trusted to name callers'),
  actor: actorSchema.prefault({}).describe('What workflows are told of callers, and how it is proven to them'),
  rules,
  default: z
    .strictObject({ deny: denyStatus.describe('HTTP status of the refusal') })
    .default({ deny: 403 })
    .describe('What becomes of a request that no rule matches'),
})

export type AgentConfig = z.output<typeof configSchema>
export type { RuleConfig } from './rules.ts'
export type { WorkflowConfig } from './workflow.ts'
