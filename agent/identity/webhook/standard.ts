import { denied } from '../reasons.ts'
import { fieldOf, isDeliveryId, MAX_SIGNATURES, timestampOf, type WebhookProtocol } from './delivery.ts'
import { decodeStrict } from './encoding.ts'
import { type KeyKind, type KeyReader, MAC_BYTES, type Signature } from './signing-keys.ts'

/** Bytes of an Ed25519 signature and of a public key. */
const ED25519_SIGNATURE = 64
const ED25519_KEY = 32

/** Names of the three fields: `webhook-…`, or `svix-…`. */
export interface StandardHeaders {
  readonly header: string
  readonly timestampHeader: string
  readonly idHeader: string
}

/**
 * Standard Webhooks 1.0: `v1,<base64>` (HMAC-SHA256) and `v1a,<base64>` (Ed25519), with spaces between, over
 * `<id>.<timestamp>.<body>`. Other versions are not looked at.
 */
export function standardProtocol({ header, timestampHeader, idHeader }: StandardHeaders): WebhookProtocol {
  return {
    header,
    headers: [timestampHeader, idHeader],
    algorithm: 'sha256',
    keyReader: standardKey,
    timed: true,
    recognises: (credential) => /^v\d+[a-z]?,/.test(credential),
    read(credential, evidence) {
      const id = fieldOf(evidence, idHeader)
      if (typeof id === 'object') return id
      const timestamp = fieldOf(evidence, timestampHeader)
      if (typeof timestamp === 'object') return timestamp
      const timestampMs = timestamp === undefined ? undefined : timestampOf(timestamp, 's')
      // A dot in the id would make another id, time and body of the same signed bytes.
      if (timestampMs === undefined || id === undefined || !isDeliveryId(id) || id.includes('.')) {
        return denied('malformed_token')
      }
      const signatures = readSignatures(credential)
      if (signatures === undefined) return denied('malformed_token')
      return { signatures, before: `${id}.${timestamp}.`, timestampMs, id, event: undefined }
    },
  }
}

/** Undefined when there are too many. */
function readSignatures(credential: string): Signature[] | undefined {
  const signatures: Signature[] = []
  let known = 0
  for (const element of credential.split(' ')) {
    const comma = element.indexOf(',')
    const kind = kindOf(element.slice(0, Math.max(comma, 0)))
    if (kind === undefined) continue
    if (++known > MAX_SIGNATURES) return undefined
    const length = kind === 'mac' ? MAC_BYTES.sha256 : ED25519_SIGNATURE
    const bytes = decodeStrict(element.slice(comma + 1), 'base64', length)
    if (bytes !== undefined) signatures.push({ kind, bytes })
  }
  return signatures
}

function kindOf(version: string): KeyKind | undefined {
  if (version === 'v1') return 'mac'
  return version === 'v1a' ? 'ed25519' : undefined
}

/** `whsec_` and base64, `whpk_` and base64, or base64 alone, which is a secret. */
export const standardKey: KeyReader = (text) => {
  if (text.startsWith('whsk_')) throw new Error('a private key: the sender keeps it, and gives the public one (whpk_…)')
  const isPublic = text.startsWith('whpk_')
  const bytes = decodeStrict(text.replace(/^wh(?:sec|pk)_/, ''), 'base64', isPublic ? ED25519_KEY : undefined)
  if (bytes === undefined) throw new Error('expected whsec_ or whpk_ and base64')
  return { kind: isPublic ? 'ed25519' : 'mac', bytes }
}
