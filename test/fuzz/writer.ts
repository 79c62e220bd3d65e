/** A stream of frames as it is made up, in one buffer that is used again and again. */
export class StreamWriter {
  readonly bytes = Buffer.alloc(512 * 1024)
  at = 0

  byte(value: number): void {
    this.bytes[this.at++] = value
  }

  /** An integer up to 2^53, which is written as its 64 bits. */
  varint(value: number): void {
    if (value < 240) {
      this.byte(value)
      return
    }
    this.byte(240 + (value % 16))
    let rest = Math.floor((value - 240) / 16)
    for (; rest >= 128; rest = Math.floor((rest - 128) / 128)) this.byte(128 + (rest % 128))
    this.byte(rest)
  }

  put(bytes: Uint8Array, from = 0, to = bytes.length): void {
    for (let i = from; i < to; i++) this.bytes[this.at++] = bytes[i]!
  }

  sized(bytes: Uint8Array): void {
    this.varint(bytes.length)
    this.put(bytes)
  }

  /** Leaves room for LEN and returns where it is. */
  begin(): number {
    this.at += 4
    return this.at - 4
  }

  /** Fills in LEN. */
  end(start: number): void {
    this.bytes.writeUInt32BE(Math.max(this.at - start - 4, 0), start)
  }

  /** Replaces `[from, to)` by other bytes and moves what follows. */
  replace(from: number, to: number, bytes: Uint8Array): void {
    this.bytes.copyWithin(from + bytes.length, to, this.at)
    this.bytes.set(bytes, from)
    this.at += bytes.length - (to - from)
  }
}
