import { Scalar } from 'yaml'

/** Characters that `\x`, `\u` and `\U` take. */
const HEX: Readonly<Record<string, number>> = { x: 2, u: 4, U: 8 }

/**
 * Where each character of a scalar's value stands in the file: quotes, escapes, folded lines and indentation are not part
 * of the value, but are part of the place.
 * @param text the file
 * @param start offset of the scalar: of its quote, or of the `|` or `>` of a block
 * @param end offset behind it
 * @returns an offset for each character and one for the end; `undefined` when value and text do not go together
 */
export function scalarOffsets(
  text: string,
  start: number,
  end: number,
  type: Scalar.Type | undefined,
  value: string,
): number[] | undefined {
  const isBlock = type === Scalar.BLOCK_LITERAL || type === Scalar.BLOCK_FOLDED
  const isDouble = type === Scalar.QUOTE_DOUBLE
  const isSingle = type === Scalar.QUOTE_SINGLE
  let at = start + (isDouble || isSingle ? 1 : 0)
  /** Past a line's end; between quotes the next line's indentation is never part of the value. */
  const nextLine = (): void => {
    at += text[at] === '\r' ? 2 : 1
    if (!isBlock) while (text[at] === ' ' || text[at] === '\t') at++
  }
  if (isBlock) {
    at = text.indexOf('\n', start)
    if (at === -1) return value === '' ? [start] : undefined
    nextLine()
  }
  const isBreak = (): boolean => text[at] === '\n' || (text[at] === '\r' && text[at + 1] === '\n')
  const offsets: number[] = []
  for (let i = 0; i < value.length;) {
    if (at >= end) return undefined
    const char = value[i]
    const found = text[at]
    if (isDouble && found === '\\') {
      const after = text[at + 1] ?? ''
      if (after === '\n' || after === '\r') {
        at++
        nextLine()
        continue
      }
      const length = 2 + (HEX[after] ?? 0)
      // An escape beyond the basic plane is two units of the value.
      const units = after === 'U' && Number.parseInt(text.slice(at + 2, at + length), 16) > 0xffff ? 2 : 1
      for (let unit = 0; unit < units; unit++) offsets.push(at)
      i += units
      at += length
    } else if (isSingle && found === "'" && text[at + 1] === "'") {
      offsets.push(at)
      i++
      at += 2
    } else if (isBreak() && (char === ' ' || char === '\n')) {
      offsets.push(at)
      i++
      nextLine()
    } else if (found === char) {
      offsets.push(at)
      i++
      at++
    } else if (isBreak()) nextLine()
    else if (found === ' ' || found === '\t') at++
    else return undefined
  }
  offsets.push(Math.min(at, end))
  return offsets
}
