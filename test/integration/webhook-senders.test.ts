import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type DenyReason, reasons } from '../../agent/identity/reasons.ts'
import { BODY, SECRETS, send, type Sent, SIGNATURE_HEADER, withHeaders } from '../agent/identity/webhook/support.ts'
import { type ClockedEdge, startClockedEdge, type Told } from '../support/clocked-edge.ts'
import { HAPROXY_VERSIONS } from '../support/edge.ts'

// Section S of the attack list, by senders whose schemes are known. How bodies come through is in webhook.test.ts.

/** The next secret of Stripe, while secrets are exchanged. */
const NEXT = 'whsec_canary-next-stripe-secret'

const CONFIG = `identity:
  providers:
    stripe: { kind: webhook, scheme: stripe, secrets: ["${SECRETS.stripe}", "${NEXT}"] }
    slack: { kind: webhook, scheme: slack, secrets: "${SECRETS.slack}" }
    github: { kind: webhook, scheme: github, secrets: "${SECRETS.github}" }
    standard: { kind: webhook, scheme: standard, secrets: "${SECRETS.standard}" }
rules:
  - { name: stripe, match: { path: /hooks/stripe }, identity: { require: stripe } }
  - { name: slack, match: { path: /hooks/slack }, identity: { require: slack } }
  - { name: github, match: { path: /hooks/github }, identity: { require: github } }
  - { name: standard, match: { path: /hooks/standard }, identity: { require: standard } }
`

const HEADERS = [
  'content-length',
  'stripe-signature',
  'x-slack-signature',
  'x-slack-request-timestamp',
  'x-hub-signature-256',
  'x-github-delivery',
  'x-github-event',
  'webhook-id',
  'webhook-timestamp',
  'webhook-signature',
]

type Sender = 'stripe' | 'slack' | 'github' | 'standard'

/** So many signatures that are none. */
const bad = (count: number): string[] => Array.from({ length: count }, () => `v1=${'0'.repeat(64)}`)
const changing =
  (from: string | RegExp, to: string) =>
  (value: string): string =>
    value.replace(from, to)

describe.each(HAPROXY_VERSIONS)('deliveries of known senders through HAProxy %s', (version) => {
  let edge: ClockedEdge

  beforeAll(async () => {
    edge = await startClockedEdge(version, HEADERS)
    await edge.use(CONFIG)
  })
  afterAll(() => edge?.stop())

  const at = (offset = 0): number => edge.clock.seconds + offset
  const deliver = (scheme: Sender, { headers, body }: Sent): Promise<Told> => {
    const all = { 'content-length': body.length, ...headers }
    return edge.ask(`/hooks/${scheme}`, undefined, { method: 'POST', headers: all, body: Buffer.from(body) })
  }
  /** A delivery that is accepted; its body is another one each time, so that it is no replay. */
  const fresh = (scheme: Sender, options: Parameters<typeof send>[2] = {}): Sent =>
    send(scheme, Buffer.concat([BODY, randomBytes(8)]), { at: at(), ...options })
  /** The same with another signature. */
  const resigned = (scheme: Sender, change: (value: string) => string): Sent => {
    const sent = fresh(scheme)
    const header = SIGNATURE_HEADER[scheme]
    return withHeaders(sent, { [header]: change(sent.headers[header] ?? '') })
  }
  const byStranger = (scheme: Sender): Sent => fresh(scheme, { secret: 'whsec_b2Ygc29tZWJvZHkgZWxzZQ==' })
  const inCapitals = (scheme: Sender): Sent =>
    resigned(scheme, (value) => value.replace(/[0-9a-f]{64}/, (hex) => hex.toUpperCase()))
  /** Of Stripe, with so many wrong signatures before and behind its own. */
  const among = (before: number, behind: number): Sent =>
    resigned('stripe', (value) => value.replace(/v1=\w+/, (own) => [...bad(before), own, ...bad(behind)].join()))

  it.each<[string, Sender, (scheme: Sender) => Sent, reason?: DenyReason]>([
    ['S1: by a stranger', 'stripe', byStranger, 'signature_invalid'],
    ['S1: by a stranger', 'slack', byStranger, 'signature_invalid'],
    ['S1: by a stranger', 'github', byStranger, 'signature_invalid'],
    ['S1: by a stranger', 'standard', byStranger, 'signature_invalid'],
    ['S2: five minutes ago', 'stripe', (scheme) => fresh(scheme, { at: at(-300) })],
    ['S2: over five minutes ago', 'stripe', (scheme) => fresh(scheme, { at: at(-301) }), 'expired'],
    ['S2: over five minutes ago', 'slack', (scheme) => fresh(scheme, { at: at(-301) }), 'expired'],
    ['S2: over five minutes ago', 'standard', (scheme) => fresh(scheme, { at: at(-301) }), 'expired'],
    ['S3: by a clock five minutes ahead', 'slack', (scheme) => fresh(scheme, { at: at(300) })],
    ['S3: by a clock further ahead', 'stripe', (scheme) => fresh(scheme, { at: at(301) }), 'issued_in_future'],
    ['S3: by a clock further ahead', 'slack', (scheme) => fresh(scheme, { at: at(301) }), 'issued_in_future'],
    ['S3: by a clock further ahead', 'standard', (scheme) => fresh(scheme, { at: at(301) }), 'issued_in_future'],
    ['S5: with the secret of today', 'stripe', (scheme) => fresh(scheme)],
    ['S5: with the next secret', 'stripe', (scheme) => fresh(scheme, { secret: NEXT })],
    ['S7: as v0 alone', 'stripe', (scheme) => resigned(scheme, changing('v1=', 'v0=')), 'signature_invalid'],
    ['S7: as v0 alone', 'standard', (scheme) => resigned(scheme, changing('v1,', 'v0,')), 'signature_invalid'],
    ['S7: as v1 instead of v0', 'slack', (scheme) => resigned(scheme, changing('v0=', 'v1=')), 'malformed_token'],
    ['S7: as sha1 alone', 'github', (scheme) => resigned(scheme, changing('sha256=', 'sha1=')), 'malformed_token'],
    ['S8: in capitals', 'stripe', inCapitals, 'signature_invalid'],
    ['S8: in capitals', 'slack', inCapitals, 'signature_invalid'],
    ['S8: in capitals', 'github', inCapitals, 'signature_invalid'],
    ['S10: four times wrongly and then well', 'stripe', () => among(4, 0)],
    ['S10: well and then four times wrongly', 'stripe', () => among(0, 4)],
    ['S10: six times, of which once well', 'stripe', () => among(0, 5), 'malformed_token'],
    [
      'S10: five times wrongly',
      'stripe',
      (scheme) => resigned(scheme, changing(/v1=\w+/, bad(5).join())),
      'signature_invalid',
    ],
  ])('signed %s (%s)', async (_how, scheme, make, reason) => {
    expect(await deliver(scheme, make(scheme))).toMatchObject({
      status: reason === undefined ? 200 : reasons[reason].status,
      reason: reason ?? 'ok',
    })
  })

  it('S4: those of Stripe and Slack count once, those of GitHub, which signs no time, as often as they come', async () => {
    const seen: unknown[] = []
    for (const scheme of ['stripe', 'slack', 'github'] as const) {
      const sent = fresh(scheme)
      for (let i = 0; i < 2; i++) seen.push((await deliver(scheme, sent)).reason)
    }
    expect(seen).toEqual(['ok', 'replayed', 'ok', 'replayed', 'ok', 'ok'])
  })
})
