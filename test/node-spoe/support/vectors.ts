import { readFileSync } from 'node:fs'

export interface VectorValue {
  readonly name: string
  readonly type: string
  readonly value?: string | number | boolean | null
  readonly valueHex?: string
}

export interface VectorFrame {
  readonly name: string
  readonly direction: 'haproxy' | 'agent'
  readonly hex: string
  readonly decoded: {
    readonly length: number
    readonly type: string
    readonly typeCode: number
    readonly flags: readonly string[]
    readonly streamId: string
    readonly frameId: string
    /** Of a fragment. */
    readonly payloadHex?: string
    readonly kv?: readonly VectorValue[]
    readonly messages?: readonly { readonly name: string; readonly args: readonly VectorValue[] }[]
    readonly actions?: readonly (VectorValue & { readonly action: string; readonly scope: string })[]
  }
}

interface Vectors {
  readonly frames: readonly VectorFrame[]
  readonly varints: readonly { readonly value: string; readonly hex: string }[]
  readonly signedVarints: readonly { readonly value: string; readonly hex: string }[]
  readonly invalidVarints: readonly { readonly hex: string; readonly reason: string }[]
}

/** Frames and varints recorded from HAProxy, or sent to it with the effect observed. */
export const vectors = JSON.parse(
  readFileSync(new URL('../vectors/spop-frames.json', import.meta.url), 'utf8'),
) as Vectors

/** Bytes of a golden frame, with its LEN. */
export function golden(name: string): Buffer {
  const frame = vectors.frames.find((candidate) => candidate.name === name)
  if (frame === undefined) throw new Error(`no golden frame "${name}"`)
  return Buffer.from(frame.hex, 'hex')
}
