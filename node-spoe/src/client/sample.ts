import { SpopError } from '../errors.ts'
import { parseIp } from '../protocol/ip.ts'
import type { Message, NamedValue, TypedValue } from '../protocol/model.ts'

/**
 * An argument's value as JavaScript has it, or typed for anything else:
 * string -> STRING (as UTF-8), boolean -> BOOL, number and bigint -> INT64, bytes -> BINARY, null -> NULL,
 * `{ ip }` -> IPV4 or IPV6. Those are the types HAProxy sends.
 */
export type SampleValue = string | number | bigint | boolean | null | Uint8Array | { readonly ip: string } | TypedValue

/** Arguments by name, or in a list where names repeat or are empty. */
export type SampleArgs =
  | Readonly<Record<string, SampleValue>>
  | readonly (readonly [name: string, value: SampleValue] | NamedValue)[]

/** The messages of one NOTIFY: arguments by message name, or a list where names repeat. */
export type SampleMessages =
  | Readonly<Record<string, SampleArgs>>
  | readonly { readonly name: string; readonly args?: SampleArgs }[]

/** @throws SpopError ERR_SPOP_ENCODE for what has no type on the wire */
export function toMessages(messages: SampleMessages): Message[] {
  if (isList(messages)) return messages.map(({ name, args }) => ({ name, args: toArgs(args ?? []) }))
  return Object.entries(messages).map(([name, args]) => ({ name, args: toArgs(args) }))
}

function toArgs(args: SampleArgs): NamedValue[] {
  const list = isList(args) ? args : Object.entries(args)
  return list.map((arg) => ('name' in arg ? arg : { name: arg[0], ...toTypedValue(arg[1], arg[0]) }))
}

function isList<Item>(value: object | readonly Item[]): value is readonly Item[] {
  return Array.isArray(value)
}

/**
 * The typed form of a value.
 *
 * @param name of the argument, for the error
 * @throws SpopError ERR_SPOP_ENCODE
 */
export function toTypedValue(value: SampleValue, name = ''): TypedValue {
  switch (typeof value) {
    case 'string':
      return { type: 'STRING', value: Buffer.from(value).toString('latin1') }
    case 'boolean':
      return { type: 'BOOL', value }
    case 'number':
    case 'bigint':
      return { type: 'INT64', value }
    case 'object':
      if (value === null) return { type: 'NULL', value }
      if (value instanceof Uint8Array) return { type: 'BINARY', value }
      if ('type' in value) return value
      if ('ip' in value) return ipValue(value.ip, name)
  }
  throw new SpopError('ERR_SPOP_ENCODE', `"${name}"`, `a value of type ${typeof value}`)
}

function ipValue(text: string, name: string): TypedValue {
  const length = parseIp(text)?.length
  if (length === undefined) throw new SpopError('ERR_SPOP_ENCODE', `"${name}"`, `"${text}" is no IP address`)
  return { type: length === 4 ? 'IPV4' : 'IPV6', value: text }
}
