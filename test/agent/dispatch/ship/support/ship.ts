import type { Parcel } from '../../../../../agent/dispatch/parcel.ts'
import { type FakeAnswer, type FakeCall, fakeTemporal } from './fake-temporal.ts'
import { type CALLER, parcel } from './parcels.ts'
import { shipping } from './shipping.ts'

export const OK: FakeAnswer = { started: true }
export const BUSY = { code: 8, cause: 5 } as const

export function ship(answer: Parameters<typeof fakeTemporal>[0], ...rest: [] | [typeof CALLER & object]) {
  const temporal = fakeTemporal(answer)
  return { temporal, ...shipping(temporal, ...rest) }
}

export const starts = (from: number, to: number, over: Partial<Parcel> = {}): Parcel[] =>
  Array.from({ length: to - from }, (_, i) => parcel(from + i, over))
export const signal = (n: number, key: string, over: Partial<Parcel> = {}): Parcel =>
  parcel(n, { workflowId: `audit/${key}`, key, ...over })
export const ids = (calls: readonly FakeCall[]): string[] => calls.map(({ requestId }) => requestId)
export const outcomes = (ended: ReadonlyMap<number, string>): string[] => [...new Set(ended.values())]
