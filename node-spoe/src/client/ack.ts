import type { SpopError } from '../errors.ts'
import type { Action, Frame, TypedValue } from '../protocol/model.ts'

/** A variable's value: STRING as UTF-8 text, addresses as text, BINARY as bytes, integers exact. */
export type AckValue = string | number | bigint | boolean | Uint8Array

/** What an agent answered. */
export interface Ack {
  readonly streamId: number | bigint
  readonly frameId: number | bigint
  /** In the order HAProxy applies them, exactly as they came. */
  readonly actions: readonly Action[]
  /** What the actions leave behind, by `scope.name`: unset ones, and those set to NULL, are not in it. */
  readonly variables: Readonly<Record<string, AckValue>>
  /** ABORT was set. HAProxy takes it for a success all the same. */
  readonly aborted: boolean
  /** An action was malformed. HAProxy silently ignores it and all after it; `actions` holds those before. */
  readonly error: SpopError | undefined
}

/** @param error why decoding stopped, if it did */
export function ackOf(
  { streamId, frameId, actions, flags }: Frame & { type: 'ACK' },
  error: SpopError | undefined,
): Ack {
  return { streamId, frameId, actions, variables: variablesOf(actions), aborted: flags.abort, error }
}

/** The variables that a list of actions sets, in HAProxy's reading. */
export function variablesOf(actions: readonly Action[]): Record<string, AckValue> {
  const variables = new Map<string, AckValue>()
  for (const action of actions) {
    const name = `${action.scope}.${action.name}`
    const value = action.action === 'set-var' ? plain(action) : undefined
    if (value === undefined) variables.delete(name)
    else variables.set(name, value)
  }
  return Object.fromEntries(variables)
}

function plain(typed: TypedValue): AckValue | undefined {
  if (typed.type === 'STRING') return Buffer.from(typed.value, 'latin1').toString()
  return typed.value ?? undefined
}
