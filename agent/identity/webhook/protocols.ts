import { hmacProtocol } from './hmac.ts'
import type { WebhookProtocol } from './delivery.ts'
import { decodeStrict, type SignatureEncoding } from './encoding.ts'
import type { KeyReader, MacAlgorithm } from './signing-keys.ts'
import { standardProtocol } from './standard.ts'
import { stripeProtocol } from './stripe.ts'
import { parseTemplate, type SignedTemplate } from './template.ts'

export const WEBHOOK_SCHEMES = ['github', 'stripe', 'slack', 'standard', 'hmac'] as const
export type WebhookSchemeName = (typeof WEBHOOK_SCHEMES)[number]

/** What agent.yaml says about how a sender signs; names of fields in small letters. */
export interface ProtocolSettings {
  readonly scheme: WebhookSchemeName
  readonly header?: string | undefined
  readonly timestampHeader?: string | undefined
  readonly idHeader?: string | undefined
  readonly eventHeader?: string | undefined
  readonly algorithm?: MacAlgorithm | undefined
  readonly encoding?: SignatureEncoding | undefined
  readonly prefix?: string | undefined
  readonly signed?: string | undefined
  readonly timestampUnit?: 's' | 'ms' | undefined
  readonly secretEncoding?: 'text' | 'hex' | 'base64' | undefined
}

/** @throws {TypeError} `hmac` without a header, or with a template that is none: the loader has refused both before */
export function protocolOf(settings: ProtocolSettings): WebhookProtocol {
  const { scheme, header } = settings
  switch (scheme) {
    case 'github':
      // https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
      return hmacProtocol({
        header: header ?? 'x-hub-signature-256',
        prefix: 'sha256=',
        algorithm: 'sha256',
        encoding: 'hex',
        signed: templateOf('{body}'),
        timestampUnit: 's',
        idHeader: settings.idHeader ?? 'x-github-delivery',
        eventHeader: settings.eventHeader ?? 'x-github-event',
      })
    case 'slack':
      // https://docs.slack.dev/authentication/verifying-requests-from-slack
      return hmacProtocol({
        header: header ?? 'x-slack-signature',
        prefix: 'v0=',
        algorithm: 'sha256',
        encoding: 'hex',
        signed: templateOf('v0:{timestamp}:{body}'),
        timestampHeader: settings.timestampHeader ?? 'x-slack-request-timestamp',
        timestampUnit: 's',
      })
    case 'stripe':
      // https://docs.stripe.com/webhooks#verify-manually
      return stripeProtocol(header ?? 'stripe-signature')
    case 'standard':
      // https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
      return standardProtocol({
        header: header ?? 'webhook-signature',
        timestampHeader: settings.timestampHeader ?? 'webhook-timestamp',
        idHeader: settings.idHeader ?? 'webhook-id',
      })
    case 'hmac':
      return customProtocol(settings)
  }
}

function customProtocol(settings: ProtocolSettings): WebhookProtocol {
  const { header, secretEncoding = 'text' } = settings
  if (header === undefined) throw new TypeError('a webhook of scheme hmac needs a header')
  return hmacProtocol({
    header,
    prefix: settings.prefix ?? '',
    algorithm: settings.algorithm ?? 'sha256',
    encoding: settings.encoding ?? 'hex',
    signed: templateOf(settings.signed ?? '{body}'),
    timestampHeader: settings.timestampHeader,
    timestampUnit: settings.timestampUnit ?? 's',
    idHeader: settings.idHeader,
    eventHeader: settings.eventHeader,
    ...(secretEncoding !== 'text' && { keyReader: encodedKey(secretEncoding) }),
  })
}

function templateOf(text: string): SignedTemplate {
  const template = parseTemplate(text)
  if (typeof template === 'string') throw new TypeError(`signed: ${template}`)
  return template
}

/** A secret that senders hand out written in hexadecimal digits, of either case, or base64. */
function encodedKey(encoding: 'hex' | 'base64'): KeyReader {
  return (text) => {
    const bytes = decodeStrict(encoding === 'hex' ? text.toLowerCase() : text, encoding)
    if (bytes === undefined) throw new Error(`expected ${encoding}`)
    return { kind: 'mac', bytes }
  }
}
