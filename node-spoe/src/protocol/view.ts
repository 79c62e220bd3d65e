import type { ArgType, ArgValues, MessageView } from '../api.ts'
import { SpopError } from '../errors.ts'
import { Type, readBool, readInteger, readValue } from './values.ts'
import { formatIpv4, formatIpv6 } from './ip.ts'

/** A slot's triple in `fields`: type byte as it came or ABSENT, start and end of the content. */
export const FIELD_WIDTH = 3
export const ABSENT = -1

const NOTHING = Buffer.alloc(0)

/** Where the arguments of one message lie. Filled by MessagePlan, read by the handler. */
export class FrameView implements MessageView<Record<string, ArgType>> {
  readonly name: string
  readonly fields: Int32Array
  readonly #types: readonly ArgType[]
  readonly #slots: ReadonlyMap<string, number>
  #buffer: Buffer = NOTHING
  #open = false

  constructor(name: string, types: readonly ArgType[], slots: ReadonlyMap<string, number>) {
    this.name = name
    this.#types = types
    this.#slots = slots
    this.fields = new Int32Array(types.length * FIELD_WIDTH)
  }

  open(buffer: Buffer): void {
    this.#buffer = buffer
    this.#open = true
  }

  get isOpen(): boolean {
    return this.#open
  }

  /** From here on reads throw. Lets go of the buffer, which would keep a whole read alive. */
  close(): void {
    this.#buffer = NOTHING
    this.#open = false
  }

  get(name: string): never {
    return this.at(this.#slot(name)) as never
  }

  at(slot: number): ArgValues['any'] | undefined {
    if (!this.#open) throw new SpopError('ERR_SPOP_VIEW_EXPIRED', this.name)
    const declared = this.#types[slot]
    if (declared === undefined) throw new SpopError('ERR_SPOP_ARGUMENT_UNKNOWN', this.name, slot)
    const typeByte = this.fields[slot * FIELD_WIDTH]!
    if (typeByte === ABSENT) return undefined
    const start = this.fields[slot * FIELD_WIDTH + 1]!
    const end = this.fields[slot * FIELD_WIDTH + 2]!
    const type = typeByte & 0x0f
    switch (declared) {
      case 'string':
        return type === Type.STRING ? this.#buffer.toString('latin1', start, end) : undefined
      case 'bytes':
        return type === Type.BINARY ? Buffer.from(this.#buffer.subarray(start, end)) : undefined
      case 'bool':
        return type === Type.BOOL ? readBool(typeByte) : undefined
      case 'int':
        return type >= Type.INT32 && type <= Type.UINT64 ? readInteger(type, this.#buffer, start, end) : undefined
      case 'ip':
        if (type === Type.IPV4) return formatIpv4(this.#buffer, start)
        return type === Type.IPV6 ? formatIpv6(this.#buffer, start) : undefined
      case 'any':
        return readValue(typeByte, this.#buffer, start, end)
    }
  }

  has(name: string): boolean {
    const typeByte = this.#field(this.#slot(name))
    return typeByte !== ABSENT && (typeByte & 0x0f) !== Type.NULL
  }

  type(name: string): number | undefined {
    const typeByte = this.#field(this.#slot(name))
    return typeByte === ABSENT ? undefined : typeByte & 0x0f
  }

  equals(slot: number, bytes: Uint8Array): boolean {
    const typeByte = this.#field(slot)
    if (typeByte === ABSENT || (typeByte & 0x0f) < Type.STRING) return false
    const start = this.fields[slot * FIELD_WIDTH + 1]!
    const end = this.fields[slot * FIELD_WIDTH + 2]!
    return end - start === bytes.length && this.#buffer.compare(bytes, 0, bytes.length, start, end) === 0
  }

  /** Type byte of a slot, or ABSENT. */
  #field(slot: number): number {
    if (!this.#open) throw new SpopError('ERR_SPOP_VIEW_EXPIRED', this.name)
    const typeByte = this.fields[slot * FIELD_WIDTH]
    if (typeByte === undefined) throw new SpopError('ERR_SPOP_ARGUMENT_UNKNOWN', this.name, slot)
    return typeByte
  }

  #slot(name: string): number {
    const slot = this.#slots.get(name)
    if (slot === undefined) throw new SpopError('ERR_SPOP_ARGUMENT_UNKNOWN', this.name, name)
    return slot
  }
}
