/** `haproxy-temporal/codec`: for workers and clients where payloads are encrypted. */
export { encryptedConverter, FAILURE_CONVERTER, payloadCodec, type CodecKeys } from '../../workflows/codec.ts'
export { openPayloadKeys, type PayloadKeys, type PayloadKeysConfig } from '../crypto/payload-keys.ts'
