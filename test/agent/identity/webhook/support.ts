import { createHmac, randomUUID } from 'node:crypto'
import { onTestFinished } from 'vitest'
import type { z } from 'zod'
import { webhookProvider } from '../../../../agent/config/providers/webhook.ts'
import type { Evidence } from '../../../../agent/identity/evidence.ts'
import type { Identity } from '../../../../agent/identity/identity.ts'
import { createWebhookScheme } from '../../../../agent/identity/webhook/webhook-scheme.ts'
import type { FileTimes } from '../../../../agent/secrets/secret-file.ts'
import { type KeptLog, keptLog } from '../../secrets/support.ts'
import { evidenceOf, headersOf } from '../support/evidence.ts'

export const NOW_S = 1_764_000_000

/** A delivery as it comes in: fields by their small names, and the bytes of the body. */
export interface Sent {
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
}

export function evidenceOfSent({ headers, body }: Sent, more: Partial<Evidence> = {}): Evidence {
  return evidenceOf({
    requestId: randomUUID(),
    method: 'POST',
    headers: headersOf({ 'content-length': String(body.length), ...headers }),
    body: { bytes: body, size: body.length },
    ...more,
  })
}

/** The same with other or more header fields. */
export const withHeaders = (sent: Sent, headers: Readonly<Record<string, string>>): Sent => ({
  ...sent,
  headers: { ...sent.headers, ...headers },
})

/** A body to send. */
export const BODY = Buffer.from('{"event":"paid","amount":100}')

export const hmac = (algorithm: string, key: string | Buffer, ...parts: (string | Uint8Array)[]): Buffer => {
  const mac = createHmac(algorithm, key)
  for (const part of parts) mac.update(part)
  return mac.digest()
}

/** A scheme of agent.yaml's settings, at a time that the test sets. */
export function webhookOf(
  settings: Omit<z.input<typeof webhookProvider>, 'kind'>,
  clock = { nowMs: NOW_S * 1000 },
  times: FileTimes = {},
) {
  const log: KeptLog = keptLog()
  const scheme = createWebhookScheme(
    'hooks',
    webhookProvider.parse({ kind: 'webhook', ...settings }),
    { now: () => clock.nowMs, monotonicMs: () => clock.nowMs, log },
    times,
  )
  onTestFinished(() => scheme.close?.())
  /** As the authenticator does: the credential lies at the one place of the scheme. */
  const judge = (evidence: Evidence) => {
    const credential = scheme.locations[0]?.read(evidence)
    if (credential === undefined) return 'no_credentials'
    if (typeof credential !== 'string') return credential.reason
    const result = scheme.authenticate(credential, evidence)
    if (result instanceof Promise) throw new Error('a signature needs no waiting')
    return result.ok ? result.identity : result.reason
  }
  const reason = (sent: Sent, more: Partial<Evidence> = {}): string => {
    const result = judge(evidenceOfSent(sent, more))
    return typeof result === 'string' ? result : 'ok'
  }
  const identity = (sent: Sent): Identity => {
    const result = judge(evidenceOfSent(sent))
    if (typeof result === 'string') throw new Error(result)
    return result
  }
  return { scheme, log, clock, judge, reason, identity }
}

/** How each scheme's sender signs, written down once more from the documents, apart from the code under test. */
export const SECRETS = {
  github: 'canary-github-d3486ae9136e7856',
  stripe: 'whsec_canary-stripe-c6f057b86584942e',
  slack: 'canaryslack6f057b86584942e415435f',
  standard: `whsec_${Buffer.from('canary-standard-b6589fc6ab0dc82cf').toString('base64')}`,
} as const

export type Named = keyof typeof SECRETS
export const NAMED = Object.keys(SECRETS) as Named[]
/** Those that sign the time. */
export const TIMED = ['stripe', 'slack', 'standard'] as const

export interface SendOptions {
  readonly secret?: string
  readonly at?: number
  readonly id?: string
}

export function send(scheme: Named, body: Uint8Array, options: SendOptions = {}): Sent {
  const { secret = SECRETS[scheme], at = NOW_S, id = randomUUID() } = options
  switch (scheme) {
    case 'github':
      return {
        body,
        headers: {
          'x-hub-signature-256': `sha256=${hmac('sha256', secret, body).toString('hex')}`,
          'x-github-delivery': id,
          'x-github-event': 'push',
        },
      }
    case 'stripe':
      return {
        body,
        headers: { 'stripe-signature': `t=${at},v1=${hmac('sha256', secret, `${at}.`, body).toString('hex')}` },
      }
    case 'slack':
      return {
        body,
        headers: {
          'x-slack-request-timestamp': String(at),
          'x-slack-signature': `v0=${hmac('sha256', secret, `v0:${at}:`, body).toString('hex')}`,
        },
      }
    case 'standard': {
      const key = Buffer.from(secret.replace('whsec_', ''), 'base64')
      return {
        body,
        headers: {
          'webhook-id': id,
          'webhook-timestamp': String(at),
          'webhook-signature': `v1,${hmac('sha256', key, `${id}.${at}.`, body).toString('base64')}`,
        },
      }
    }
  }
}

export const SIGNATURE_HEADER: Readonly<Record<Named, string>> = {
  github: 'x-hub-signature-256',
  stripe: 'stripe-signature',
  slack: 'x-slack-signature',
  standard: 'webhook-signature',
}
