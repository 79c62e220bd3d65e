import { denied } from '../reasons.ts'
import { MAX_SIGNATURES, textKey, timestampOf, type WebhookProtocol } from './delivery.ts'
import { decodeStrict } from './encoding.ts'
import { MAC_BYTES, type Signature } from './signing-keys.ts'

/**
 * Stripe: `t=<seconds>,v1=<hex>[,v1=<hex>…]`, over `<t>.<body>`. Other versions than v1 are not looked at, so that nobody
 * can choose a weaker one.
 */
export function stripeProtocol(header: string): WebhookProtocol {
  return {
    header,
    headers: [],
    algorithm: 'sha256',
    keyReader: textKey,
    timed: true,
    recognises: (credential) => /^(?:t|v\d+)=/.test(credential),
    read(credential) {
      let timestamp: string | undefined
      const signatures: Signature[] = []
      let versions = 0
      for (const element of credential.split(',')) {
        const equals = element.indexOf('=')
        const name = equals < 0 ? element : element.slice(0, equals)
        const value = element.slice(equals + 1)
        if (name === 't') {
          if (timestamp !== undefined) return denied('malformed_token')
          timestamp = value
        } else if (name === 'v1') {
          if (++versions > MAX_SIGNATURES) return denied('malformed_token')
          const bytes = decodeStrict(value, 'hex', MAC_BYTES.sha256)
          if (bytes !== undefined) signatures.push({ kind: 'mac', bytes })
        }
      }
      const timestampMs = timestamp === undefined ? undefined : timestampOf(timestamp, 's')
      if (timestampMs === undefined) return denied('malformed_token')
      return { signatures, before: `${timestamp}.`, timestampMs, id: '', event: undefined }
    },
  }
}
