/** Names of the types of typed data (SPOE.txt 3.1). */
export type ValueType =
  | 'NULL'
  | 'BOOL'
  | 'INT32'
  | 'UINT32'
  | 'INT64'
  | 'UINT64'
  | 'IPV4'
  | 'IPV6'
  | 'STRING'
  | 'BINARY'

/**
 * One value with its type on the wire (SPOE.txt 3.1). What {@link decodeFrame} gives, {@link encodeFrame} turns into the
 * same bytes again:
 *
 * - STRING is latin1, one character per byte, because HAProxy passes raw header bytes, which need not be UTF-8. As text:
 *   `Buffer.from(value, 'latin1').toString()`; the other way round `Buffer.from(text).toString('latin1')`.
 * - Integers are numbers where that is exact, up to 2^53-1 either way, otherwise bigints. INT32 and INT64 are signed.
 *   The wire holds 64 bits in all four types.
 * - IPV4 is dotted, IPV6 as in RFC 5952; an IPv4-mapped one stays `::ffff:192.0.2.1`.
 */
export type TypedValue = {
  /** The high nibble of the type byte where it is unusual: not 0, or for BOOL neither 0 nor 1. */
  readonly valueFlags?: number
} & (
  | { readonly type: 'NULL'; readonly value: null }
  | { readonly type: 'BOOL'; readonly value: boolean }
  | { readonly type: 'INT32' | 'UINT32' | 'INT64' | 'UINT64'; readonly value: number | bigint }
  | { readonly type: 'IPV4' | 'IPV6' | 'STRING'; readonly value: string }
  | { readonly type: 'BINARY'; readonly value: Uint8Array }
)

/** An entry of a KV-LIST or an argument of a message; names are latin1, and an argument's may be empty. */
export type NamedValue = { readonly name: string } & TypedValue

/** One spoe-message of a NOTIFY (SPOE.txt 3.2.6); at most 255 arguments. */
export interface Message {
  readonly name: string
  readonly args: readonly NamedValue[]
}

/** Where HAProxy keeps a variable. */
export type VariableScope = 'proc' | 'sess' | 'txn' | 'req' | 'res'

/** One action of an ACK (SPOE.txt 3.4). The name is as the agent sends it, without scope and `var-prefix`. */
export type Action =
  | ({ readonly action: 'set-var'; readonly scope: VariableScope } & NamedValue)
  | { readonly action: 'unset-var'; readonly scope: VariableScope; readonly name: string }

/** FLAGS of a frame (SPOE.txt 3.2.1). */
export interface FrameFlags {
  /** Bit 0: the last, or only, piece of a frame. */
  readonly fin: boolean
  /** Bit 1: processing was aborted. */
  readonly abort: boolean
  /** All 32 bits as they came; bits 2 to 31 are reserved. */
  readonly raw: number
}

/** What stands behind the header, by type of the frame. */
export type FrameBody =
  | {
      readonly type: 'HAPROXY-HELLO' | 'HAPROXY-DISCONNECT' | 'AGENT-HELLO' | 'AGENT-DISCONNECT'
      readonly kv: readonly NamedValue[]
    }
  | {
      readonly type: 'NOTIFY'
      readonly messages: readonly Message[]
      /** Of a frame without FIN, the first piece of a fragmented one: its bytes, undecoded; `messages` is empty. */
      readonly payload?: Uint8Array
    }
  | {
      readonly type: 'ACK'
      readonly actions: readonly Action[]
      /** Of a frame without FIN: its bytes, undecoded; `actions` is empty. */
      readonly payload?: Uint8Array
    }
  /** Continues a fragmented frame. */
  | { readonly type: 'UNSET'; readonly payload: Uint8Array }
  | { readonly type: 'UNKNOWN'; readonly typeCode: number; readonly payload: Uint8Array }

/** One frame as a plain object. */
export type Frame = {
  readonly flags: FrameFlags
  /** 0 to 2^64-1; a bigint above 2^53-1. 0 in HELLO and DISCONNECT. */
  readonly streamId: number | bigint
  /** Likewise. */
  readonly frameId: number | bigint
} & FrameBody

/** A frame to encode: ids default to 0, flags to FIN alone. `fin` and `abort` decide over the bits 0 and 1 of `raw`. */
export type FrameInput = {
  readonly flags?: Partial<FrameFlags>
  readonly streamId?: number | bigint
  readonly frameId?: number | bigint
} & FrameBody
