import type { Command } from './command.ts'

/**
 * How commands travel to the store thread: packed into bytes, many at once. Copying them as objects would cost ten times
 * as much, on both sides.
 *
 *     packet     = *frame
 *     frame      = length action ticket at idBytes workflowIdBytes keyBytes tenantBytes callBytes
 *                  id workflowId key tenant call body
 *     length     = u32   bytes of the whole frame
 *     action     = u32   index of the action
 *     ticket     = u32   of a strict event, 0 for others
 *     at         = f64   milliseconds since the epoch
 *     …Bytes     = u16, callBytes u32
 *     id … body  = UTF-8; call is the JSON of CallOptions or empty, body is JSON and takes the rest
 *
 * Numbers are little-endian: both ends are this process.
 */
const HEAD = 32
const AT = { length: 0, action: 4, ticket: 8, at: 12, id: 20, workflowId: 22, key: 24, tenant: 26, call: 28 } as const

/** Bytes of one frame: far above what HAProxy's buffers let through, and what Temporal takes. */
export const MAX_FRAME = 1024 * 1024
const INITIAL = 64 * 1024
const MAX_NAME = 0xffff

/** Packs commands into a buffer of its own, which is used again for every packet. */
export class PacketWriter {
  #buffer = Buffer.allocUnsafeSlow(INITIAL)
  #length = 0
  #count = 0

  /** Commands in the packet. */
  get count(): number {
    return this.#count
  }

  /** Bytes of the packet. */
  get length(): number {
    return this.#length
  }

  /**
   * Adds a command.
   *
   * @param action its index
   * @param ticket of a strict event, from 1; 0 for others
   * @returns bytes of its frame; 0 when it is larger than {@link MAX_FRAME}, and then nothing was added
   * @throws {TypeError} its body is no JSON
   */
  add(command: Command, action: number, ticket = 0): number {
    const { id, workflowId, key, tenant, at } = command
    const body = JSON.stringify(command.body)
    const call = command.call === undefined ? '' : JSON.stringify(command.call)
    // Put together first: a write costs as much as a hundred bytes of it do.
    const text = id + workflowId + key + tenant + call + body
    const most = HEAD + 3 * text.length
    if (most > this.#buffer.length - this.#length && !this.#grow(most)) return 0
    const buffer = this.#buffer
    const start = this.#length
    let written = buffer.write(text, start + HEAD)
    // As many bytes as characters: it is all ASCII, so the same holds for each part.
    const sizeOf = written === text.length ? lengthOf : bytesOf
    const idBytes = sizeOf(id)
    const workflowIdBytes = sizeOf(workflowId)
    const keyBytes = sizeOf(key)
    const tenantBytes = sizeOf(tenant)
    const callBytes = sizeOf(call)
    if (
      written !== text.length &&
      written !== idBytes + workflowIdBytes + keyBytes + tenantBytes + callBytes + sizeOf(body)
    ) {
      // Two halves of a pair, at the end of one part and the beginning of the next, have become one character.
      const parts = [id, workflowId, key, tenant, call, body].map((part) => part.toWellFormed())
      written = buffer.write(parts.join(''), start + HEAD)
    }
    const length = HEAD + written
    if (length > MAX_FRAME || Math.max(idBytes, workflowIdBytes, keyBytes, tenantBytes) > MAX_NAME) return 0
    buffer.writeUInt32LE(length, start + AT.length)
    buffer.writeUInt32LE(action, start + AT.action)
    buffer.writeUInt32LE(ticket, start + AT.ticket)
    buffer.writeDoubleLE(at, start + AT.at)
    buffer.writeUInt16LE(idBytes, start + AT.id)
    buffer.writeUInt16LE(workflowIdBytes, start + AT.workflowId)
    buffer.writeUInt16LE(keyBytes, start + AT.key)
    buffer.writeUInt16LE(tenantBytes, start + AT.tenant)
    buffer.writeUInt32LE(callBytes, start + AT.call)
    this.#length = start + length
    this.#count++
    return length
  }

  /** The packet as it is so far: good until something is added. */
  peek(): Uint8Array {
    return this.#buffer.subarray(0, this.#length)
  }

  /** The packet, in memory of its own that may be given away; the writer begins anew. */
  take(): Uint8Array<ArrayBuffer> {
    const packet = new Uint8Array(this.#length)
    packet.set(this.#buffer.subarray(0, this.#length))
    this.#length = 0
    this.#count = 0
    // A burst of large events must not hold on to its memory for ever.
    if (this.#buffer.length > MAX_FRAME) this.#buffer = Buffer.allocUnsafeSlow(INITIAL)
    return packet
  }

  /** Room for `more` bytes; false when a single frame asks for more than could ever be right. */
  #grow(more: number): boolean {
    if (more > 3 * MAX_FRAME) return false
    const buffer = Buffer.allocUnsafeSlow(Math.max(2 * this.#buffer.length, this.#length + more))
    this.#buffer.copy(buffer, 0, 0, this.#length)
    this.#buffer = buffer
    return true
  }
}

function lengthOf(part: string): number {
  return part.length
}

function bytesOf(part: string): number {
  return Buffer.byteLength(part)
}

/** One frame after the other of a packet. What is not asked for is not decoded. */
export class PacketReader {
  readonly #buffer: Buffer
  #start = 0
  #next = 0

  constructor(packet: Uint8Array) {
    this.#buffer = Buffer.from(packet.buffer, packet.byteOffset, packet.byteLength)
  }

  /** Goes to the next frame; false behind the last one. */
  next(): boolean {
    if (this.#next >= this.#buffer.length) return false
    this.#start = this.#next
    this.#next = this.#start + this.#buffer.readUInt32LE(this.#start + AT.length)
    return true
  }

  get length(): number {
    return this.#next - this.#start
  }

  get action(): number {
    return this.#buffer.readUInt32LE(this.#start + AT.action)
  }

  get ticket(): number {
    return this.#buffer.readUInt32LE(this.#start + AT.ticket)
  }

  get at(): number {
    return this.#buffer.readDoubleLE(this.#start + AT.at)
  }

  get id(): string {
    const from = this.#start + HEAD
    return this.#buffer.toString('utf8', from, from + this.#size(AT.id))
  }

  /** Where {@link id} lies in {@link bytes}, for what can do without a string. */
  get idStart(): number {
    return this.#start + HEAD
  }

  get idEnd(): number {
    return this.#start + HEAD + this.#size(AT.id)
  }

  get bytes(): Uint8Array {
    return this.#buffer
  }

  get workflowId(): string {
    const from = this.#start + HEAD + this.#size(AT.id)
    return this.#buffer.toString('utf8', from, from + this.#size(AT.workflowId))
  }

  get key(): string {
    const from = this.#start + HEAD + this.#size(AT.id) + this.#size(AT.workflowId)
    return this.#buffer.toString('utf8', from, from + this.#size(AT.key))
  }

  get tenant(): string {
    const to = this.#callStart
    return this.#buffer.toString('utf8', to - this.#size(AT.tenant), to)
  }

  get call(): string {
    const from = this.#callStart
    return this.#buffer.toString('utf8', from, from + this.#callBytes)
  }

  get body(): string {
    return this.#buffer.toString('utf8', this.#callStart + this.#callBytes, this.#next)
  }

  /** Copies the body, as UTF-8, to `at` in another buffer, which must have room for it. */
  copyBody(to: Buffer, at: number): void {
    this.#buffer.copy(to, at, this.#callStart + this.#callBytes, this.#next)
  }

  /** Bytes of the body. */
  get bodyBytes(): number {
    return this.#next - this.#callStart - this.#callBytes
  }

  get #callBytes(): number {
    return this.#buffer.readUInt32LE(this.#start + AT.call)
  }

  get #callStart(): number {
    return (
      this.#start + HEAD + this.#size(AT.id) + this.#size(AT.workflowId) + this.#size(AT.key) + this.#size(AT.tenant)
    )
  }

  #size(at: number): number {
    return this.#buffer.readUInt16LE(this.#start + at)
  }
}
