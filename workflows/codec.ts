import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { DataConverter, Payload, PayloadCodec } from '@temporalio/common'

/** The part of the agent's `PayloadKeys` that a worker or a client needs. */
export interface CodecKeys {
  encode(payload: Payload): Payload
  decode(payload: Payload): Promise<Payload>
}

/** What makes payloads of the texts of errors: for the options of workers and clients, and of the bundle of workflows. */
export const FAILURE_CONVERTER = fileURLToPath(
  new URL(`failure-converter${extname(fileURLToPath(import.meta.url))}`, import.meta.url),
)

/**
 * Encrypts what workflows and activities hand out, decrypts what they are handed; what came in plain is left as it is, so
 * that encryption can be switched on while workflows run. A payload that cannot be decrypted fails its task, which Temporal
 * tries again: a workflow stands still until the key is there.
 */
export function payloadCodec(keys: CodecKeys): PayloadCodec {
  return {
    encode: async (payloads) => payloads.map((payload) => keys.encode(payload)),
    decode: (payloads) => Promise.all(payloads.map((payload) => keys.decode(payload))),
  }
}

/**
 * For the options of a worker, or of a client that reads what workers write. Errors that workflow code throws itself stay
 * plain, unless its bundle was built with {@link FAILURE_CONVERTER} as well: the shipped one for workers with keys is.
 */
export function encryptedConverter(keys: CodecKeys): { readonly dataConverter: DataConverter } {
  return { dataConverter: { payloadCodecs: [payloadCodec(keys)], failureConverterPath: FAILURE_CONVERTER } }
}
