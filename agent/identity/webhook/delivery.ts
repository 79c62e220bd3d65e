import { isSafeText } from '../claim-values.ts'
import type { Evidence } from '../evidence.ts'
import { denied, type Denied } from '../reasons.ts'
import type { KeyReader, MacAlgorithm, Signature } from './signing-keys.ts'

/** Signatures of one delivery that are tried: senders send one for each secret of theirs. */
export const MAX_SIGNATURES = 5

/** What a delivery says of itself before anything of it is proven. */
export interface Delivery {
  /** Only well written ones; none where all were written badly. */
  readonly signatures: readonly Signature[]
  /** What is signed before the body, as latin1. */
  readonly before: string
  /** Milliseconds since the epoch; undefined where the sender signs no time. */
  readonly timestampMs: number | undefined
  /** Empty when it has none. */
  readonly id: string
  /** Kind of event, where a header tells; not signed. */
  readonly event: string | undefined
}

/** How one sender signs. */
export interface WebhookProtocol {
  /** The field with the signature, in small letters. */
  readonly header: string
  /** Other fields that it reads. */
  readonly headers: readonly string[]
  readonly algorithm: MacAlgorithm
  readonly keyReader: KeyReader
  /** Whether each delivery carries a time that is signed, so that an old one can be told. */
  readonly timed: boolean
  /** By the form of the signature header alone. */
  recognises(credential: string): boolean
  /** @param credential the signature header; malformed_token, multiple_credentials when there is nothing to verify */
  read(credential: string, evidence: Evidence): Delivery | Denied
}

/** A field of the request; undefined when it is absent or empty; a denial when there are two of it. */
export function fieldOf(evidence: Evidence, name: string): string | Denied | undefined {
  const field = evidence.headers.get(name)
  if (field === undefined) return undefined
  if (field.count > 1) return denied('multiple_credentials')
  return field.value === '' ? undefined : field.value
}

/** Seconds or milliseconds since the epoch as senders write them: digits alone. */
export function timestampOf(text: string, unit: 's' | 'ms'): number | undefined {
  if (!/^\d{1,15}$/.test(text)) return undefined
  return unit === 's' ? Number(text) * 1000 : Number(text)
}

/** A delivery id: what becomes part of a workflow's id is short, printable and without white space. */
export function isDeliveryId(text: string): boolean {
  return /^[\x21-\x7e]{1,128}$/.test(text)
}

/** The kind of event, where it may become a variable. */
export function eventOf(value: string | undefined): string | undefined {
  return isSafeText(value, 128) ? value : undefined
}

/** A secret that is its own key, as most senders have it. */
export const textKey: KeyReader = (text) => ({ kind: 'mac', bytes: Buffer.from(text, 'utf8') })
