import { createHash, hash } from 'node:crypto'
import type { FileTimes, SecretConfig } from '../../secrets/secret-file.ts'
import type { Evidence } from '../evidence.ts'
import { type AuthResult, authenticated, identityOf } from '../identity.ts'
import type { ProviderStatus } from '../keys.ts'
import { type CredentialLocation, locationOf } from '../location.ts'
import { denied, type Denied } from '../reasons.ts'
import type { EvidenceNeeds, Scheme, SchemeContext } from '../scheme.ts'
import { wholeBody } from './body.ts'
import type { Delivery, WebhookProtocol } from './delivery.ts'
import { type ProtocolSettings, protocolOf } from './protocols.ts'
import { ReplayStore } from './replay-store.ts'
import { SigningKeys } from './signing-keys.ts'

/** A provider of kind `webhook`. */
export interface WebhookSettings extends ProtocolSettings {
  /** During a rotation the old and the new one. */
  readonly secrets: readonly SecretConfig[]
  /** Subject of the identity; the provider's name when absent. */
  readonly subject?: string | undefined
  /** Milliseconds by which the signed time may differ from ours. */
  readonly tolerance: number
  /** Whether a signature that was accepted before is refused; by default where a time is signed. */
  readonly replay?: 'refuse' | 'allow' | undefined
  /** Only bodies with a Content-Length, see {@link wholeBody}. */
  readonly requireLength: boolean
  /** Readiness waits for a secret. */
  readonly required: boolean
}

/** Callers who sign what they send. */
export function createWebhookScheme(
  name: string,
  settings: WebhookSettings,
  context: SchemeContext,
  times: FileTimes = {},
): Scheme {
  return new WebhookScheme(name, settings, context, times)
}

class WebhookScheme implements Scheme {
  readonly name: string
  readonly locations: readonly CredentialLocation[]
  readonly needs: EvidenceNeeds
  readonly #settings: WebhookSettings
  readonly #protocol: WebhookProtocol
  readonly #now: () => number
  readonly #keys: SigningKeys
  readonly #replays: ReplayStore | undefined

  constructor(name: string, settings: WebhookSettings, context: SchemeContext, times: FileTimes) {
    this.name = name
    this.#settings = settings
    this.#protocol = protocolOf(settings)
    this.#now = context.now
    const { header, headers, algorithm, keyReader, timed } = this.#protocol
    this.locations = [locationOf({ in: 'header', name: header })]
    this.needs = { headers: [header, ...headers, ...(settings.requireLength ? ['content-length'] : [])], body: true }
    this.#keys = new SigningKeys(settings.secrets, { algorithm, read: keyReader, log: context.log, times })
    if ((settings.replay ?? (timed ? 'refuse' : 'allow')) === 'refuse') {
      // A time that lies ahead by the tolerance may be shown until it is past by it.
      const { kept, monotonicMs } = context
      const lifeMs = timed ? 2 * settings.tolerance + 1000 : undefined
      const make = (): ReplayStore => new ReplayStore(lifeMs, monotonicMs)
      this.#replays = kept?.get(timed ? 'webhook' : 'webhook-untimed', name, make) ?? make()
      if (lifeMs !== undefined) this.#replays.atLeast(lifeMs)
    }
  }

  recognises(credential: string): boolean {
    return this.#protocol.recognises(credential)
  }

  authenticate(credential: string, evidence: Evidence): AuthResult {
    if (this.#keys.usable === 0) return denied('secrets_unavailable')
    const delivery = this.#protocol.read(credential, evidence)
    if ('ok' in delivery) return delivery
    const untimely = this.#untimely(delivery)
    if (untimely !== undefined) return untimely
    const body = wholeBody(evidence, this.#settings.requireLength)
    if ('ok' in body) return body
    const made = this.#keys.find(delivery.signatures, delivery.before, body)
    if (made === undefined) return denied(this.#keys.complete ? 'signature_invalid' : 'secrets_unavailable')
    const fingerprint = createHash('sha256').update(made.bytes).digest('base64url')
    // By what is signed: a sender that signs with two secrets sends two signatures, and one of them may be left out.
    const signed = createHash('sha256').update(delivery.before, 'latin1').update(body).digest('base64url')
    const sight = this.#replays?.see(signed, evidence.requestId)
    if (sight === 'seen') return denied('replayed')
    if (sight === 'full') return denied('overload')
    return this.#identity(credential, delivery, fingerprint)
  }

  #untimely({ timestampMs }: Delivery): Denied | undefined {
    if (timestampMs === undefined) return undefined
    const ageMs = this.#now() - timestampMs
    if (ageMs > this.#settings.tolerance) return denied('expired')
    return ageMs < -this.#settings.tolerance ? denied('issued_in_future') : undefined
  }

  #identity(credential: string, { id, timestampMs, event }: Delivery, fingerprint: string): AuthResult {
    const claims: Record<string, unknown> = Object.assign(Object.create(null) as Record<string, unknown>, {
      // Who sends no id has one all the same: the same delivery, sent twice, has the same.
      id: id === '' ? fingerprint : id,
      signature: fingerprint,
      ...(timestampMs !== undefined && { timestamp: timestampMs / 1000 }),
      ...(event !== undefined && { event }),
    })
    return authenticated(
      identityOf({
        provider: this.name,
        method: 'webhook',
        issuer: this.#settings.scheme,
        subject: this.#settings.subject ?? this.name,
        claims: Object.freeze(claims),
        expiresAt: timestampMs === undefined ? Infinity : (timestampMs + this.#settings.tolerance) / 1000,
        issuedAt: timestampMs === undefined ? undefined : timestampMs / 1000,
        credentialId: id === '' ? fingerprint : id,
        digest: hash('sha256', Buffer.from(credential, 'latin1'), 'base64url'),
      }),
    )
  }

  start(): void {
    this.#keys.start()
  }

  isAway(): boolean {
    return this.#keys.usable === 0
  }

  ready(): boolean {
    return !this.#settings.required || this.#keys.usable > 0
  }

  status(): ProviderStatus {
    const { usable, lastError } = this.#keys
    return {
      provider: this.name,
      keys: usable,
      ageS: null,
      stale: usable > 0 && lastError !== undefined,
      ...(lastError === undefined ? {} : { lastError }),
      fetches: { ok: 0, failed: 0 },
    }
  }

  close(): void {
    this.#keys.close()
  }
}
