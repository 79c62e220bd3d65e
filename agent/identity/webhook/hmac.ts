import type { Evidence } from '../evidence.ts'
import { denied } from '../reasons.ts'
import { eventOf, fieldOf, isDeliveryId, textKey, timestampOf, type WebhookProtocol } from './delivery.ts'
import { decodeStrict, type SignatureEncoding } from './encoding.ts'
import { type KeyReader, MAC_BYTES, type MacAlgorithm } from './signing-keys.ts'
import { renderTemplate, type SignedTemplate } from './template.ts'

/** A sender that puts one MAC into a header. */
export interface HmacOptions {
  readonly header: string
  /** What stands before the MAC in the header. */
  readonly prefix: string
  readonly algorithm: MacAlgorithm
  readonly encoding: SignatureEncoding
  readonly signed: SignedTemplate
  readonly timestampHeader?: string | undefined
  readonly timestampUnit: 's' | 'ms'
  readonly idHeader?: string | undefined
  readonly eventHeader?: string | undefined
  readonly keyReader?: KeyReader
}

export function hmacProtocol(options: HmacOptions): WebhookProtocol {
  const { header, prefix, algorithm, encoding, signed, timestampHeader, timestampUnit, idHeader, eventHeader } = options
  return {
    header,
    headers: [timestampHeader, idHeader, eventHeader].filter((name) => name !== undefined),
    algorithm,
    keyReader: options.keyReader ?? textKey,
    timed: timestampHeader !== undefined,
    recognises: (credential) => credential.startsWith(prefix),
    read(credential, evidence) {
      if (!credential.startsWith(prefix)) return denied('malformed_token')
      const timestamp = optional(evidence, timestampHeader)
      if (typeof timestamp === 'object') return timestamp
      const timestampMs = timestamp === undefined ? undefined : timestampOf(timestamp, timestampUnit)
      if (timestampHeader !== undefined && timestampMs === undefined) return denied('malformed_token')
      const id = optional(evidence, idHeader) ?? ''
      if (typeof id === 'object') return id
      if (id !== '' && !isDeliveryId(id)) return denied('malformed_token')
      if (signed.idEnd !== undefined && (id === '' || id.includes(signed.idEnd))) return denied('malformed_token')
      const event = optional(evidence, eventHeader)
      if (typeof event === 'object') return event
      const mac = decodeStrict(credential.slice(prefix.length), encoding, MAC_BYTES[algorithm])
      return {
        signatures: mac === undefined ? [] : [{ kind: 'mac', bytes: mac }],
        before: renderTemplate(signed, { timestamp: timestamp ?? '', id }),
        timestampMs,
        id,
        event: eventOf(event),
      }
    },
  }
}

function optional(evidence: Evidence, header: string | undefined): ReturnType<typeof fieldOf> {
  return header === undefined ? undefined : fieldOf(evidence, header)
}
