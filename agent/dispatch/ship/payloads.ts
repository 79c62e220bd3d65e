import type { temporal } from '@temporalio/proto'
import type { PlainValue, SearchType } from '../command.ts'
import type { Caller } from './caller.ts'

export type Payload = temporal.api.common.v1.IPayload

const JSON_PLAIN = { encoding: Buffer.from('json/plain') }

/** What the codec throws, so that it is told apart from a request that can never be sent. */
export class EncodeError extends Error {
  override readonly name = 'EncodeError'

  constructor(cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause })
  }
}

/** A payload of a text that is JSON already, as it is. */
export function jsonPayload(json: string): Payload {
  return { metadata: JSON_PLAIN, data: Buffer.from(json) }
}

/** The same through the codec. @throws EncodeError */
export function encodedPayload(json: string, { encode }: Caller): Payload {
  const payload = jsonPayload(json)
  if (encode === undefined) return payload
  try {
    return encode(payload)
  } catch (error) {
    throw new EncodeError(error)
  }
}

/** A search attribute. The server reads it, so no codec may touch it. */
export function searchPayload(type: SearchType, value: PlainValue): Payload {
  return { metadata: { ...JSON_PLAIN, type: Buffer.from(type) }, data: Buffer.from(JSON.stringify(value)) }
}
