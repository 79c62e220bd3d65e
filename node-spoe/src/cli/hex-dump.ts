const ROW = 16
/** Rows before and behind the one that matters. */
const CONTEXT = 1

/** The place of an offset, as `xxd` would show it, with a caret under the byte. */
export function dumpAround(bytes: Uint8Array, offset: number): string[] {
  const at = Math.min(offset, bytes.length)
  const focus = Math.floor(at / ROW)
  const lines: string[] = []
  for (let row = Math.max(focus - CONTEXT, 0); row <= focus + CONTEXT; row++) {
    const part = bytes.subarray(row * ROW, (row + 1) * ROW)
    if (part.length === 0 && row !== focus) continue
    const digits = Array.from(part, (byte) => byte.toString(16).padStart(2, '0')).join(' ')
    const text = String.fromCharCode(...part).replace(/[^ -~]/g, '.')
    lines.push(`${(row * ROW).toString(16).padStart(4, '0')}  ${digits.padEnd(ROW * 3)} ${text}`.trimEnd())
    if (row === focus) lines.push(' '.repeat(6 + (at % ROW) * 3) + '^^')
  }
  return lines
}
