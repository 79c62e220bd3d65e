import proto from '@temporalio/proto'
import { isObject } from '../../identity/plain-json.ts'
import { decodeStrictObject } from '../../identity/strict-json.ts'
import type { Payload } from '../payload-cipher.ts'

const { Payload: PayloadType } = proto.temporal.api.common.v1

/** A list of payloads, each with metadata or places of what is stored elsewhere. */
const MAX_DEPTH = 5

/** Payloads of one call: JSON of little length may stand for many objects. */
export const MAX_PAYLOADS = 10_000

/** Why a body is none: `large` beyond {@link MAX_PAYLOADS}. */
export type PayloadsProblem = 'large' | 'invalid'

const BASE64 = /^[A-Za-z0-9+/_-]*={0,2}$/
const OPEN_BRACE = 0x7b

/** Reads `{ "payloads": [ … ] }`, the JSON form (proto3) of Temporal's Payloads. */
export function parsePayloads(body: Buffer): Payload[] | PayloadsProblem {
  if (countUpTo(body, OPEN_BRACE, 3 * MAX_PAYLOADS) > 2 * MAX_PAYLOADS + 1) return 'large'
  const list = decodeStrictObject(body, MAX_DEPTH)?.['payloads']
  if (!Array.isArray(list)) return 'invalid'
  if (list.length > MAX_PAYLOADS) return 'large'
  const payloads: Payload[] = []
  for (const item of list as unknown[]) {
    const payload = payloadOf(item)
    if (payload === undefined) return 'invalid'
    payloads.push(payload)
  }
  return payloads
}

/** The same form, for an answer. */
export function payloadsJson(payloads: readonly Payload[]): object {
  return { payloads: payloads.map((payload) => PayloadType.toObject(PayloadType.fromObject(payload), TO_JSON)) }
}

const TO_JSON = { bytes: String, longs: String }

function payloadOf(value: unknown): Payload | undefined {
  if (!isObject(value)) return undefined
  const { metadata, data, externalPayloads } = value as Partial<Record<keyof Payload, unknown>>
  const bytes = bytesOf(data ?? '')
  const fields = metadataOf(metadata ?? {})
  const external = externalOf(externalPayloads ?? [])
  if (bytes === undefined || fields === undefined || external === undefined) return undefined
  return PayloadType.fromObject({ metadata: fields, data: bytes, externalPayloads: external })
}

function metadataOf(value: unknown): Record<string, Buffer> | undefined {
  if (!isObject(value)) return undefined
  const entries = Object.entries(value).map(([name, text]) => [name, bytesOf(text)] as const)
  if (entries.some(([, bytes]) => bytes === undefined)) return undefined
  return Object.fromEntries(entries) as Record<string, Buffer>
}

/** What is known of parts that are stored elsewhere; their size is a number of 64 bits, written as a text. */
function externalOf(value: unknown): readonly object[] | undefined {
  if (!Array.isArray(value)) return undefined
  const sizes = value.map((item: unknown) => (isObject(item) ? sizeOf(item['sizeBytes'] ?? '0') : undefined))
  return sizes.includes(undefined) ? undefined : sizes.map((sizeBytes) => ({ sizeBytes }))
}

function sizeOf(value: unknown): string | undefined {
  const text = typeof value === 'number' ? value.toFixed(0) : value
  return typeof text === 'string' && /^\d{1,18}$/.test(text) ? text : undefined
}

/** Base64 or Base64url, padded or not, as readers of this form have to take it. */
function bytesOf(value: unknown): Buffer | undefined {
  return typeof value === 'string' && BASE64.test(value) ? Buffer.from(value, 'base64') : undefined
}

function countUpTo(bytes: Buffer, byte: number, limit: number): number {
  let count = 0
  for (let i = bytes.indexOf(byte); i >= 0 && count < limit; i = bytes.indexOf(byte, i + 1)) count++
  return count
}
