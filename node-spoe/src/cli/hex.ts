import { SpopError } from '../errors.ts'

/** `00000000: 0000 007b …  ...{` of xxd, `	0x0000:  4500 003c …  E..<` of tcpdump; two blanks end the bytes. */
const DUMP_LINE = /^\s*(?:0x)?([0-9a-f]{4,16}):\s+(\S.*)$/i
/** `00000000  00 00 00 7b …  |...{|` of hexdump -C. */
const CANONICAL_LINE = /^([0-9a-f]{8})  (.*?)\s*\|.*\|$/i
/** `0000007b`, the line that ends the output of hexdump -C. */
const CANONICAL_END = /^[0-9a-f]{8}$/i

/**
 * input  line*
 * line   offset ":" bytes "  " text          xxd, tcpdump -x and -X
 *      | offset "  " bytes "|" text "|"      hexdump -C, which ends with a lone offset
 *      | bytes                               digits; between bytes blanks, commas, colons, "0x" or "\x"
 *
 * An offset is one only where it says how many bytes came before it (or 0, where a dump begins anew), so digits that
 * are meant as bytes are never taken for an offset.
 *
 * @throws SpopError ERR_SPOP_HEX
 */
export function parseHex(text: string): Buffer {
  const parts: Buffer[] = []
  /** Bytes since the last offset of 0. */
  let inDump = 0
  let canonical = false
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    const offsetOf = (digits: string): boolean => {
      const offset = Number.parseInt(digits, 16)
      if (offset === 0) inDump = 0
      return offset === inDump
    }
    let digits = line
    const dump = DUMP_LINE.exec(line)
    const canon = dump === null ? CANONICAL_LINE.exec(line) : null
    if (canon !== null && offsetOf(canon[1]!)) {
      canonical = true
      digits = canon[2]!
    } else if (dump !== null && offsetOf(dump[1]!)) {
      digits = dump[2]!.split(/\s{2,}/)[0]!
    } else if (canonical && CANONICAL_END.test(line) && Number.parseInt(line, 16) === inDump) {
      canonical = false
      continue
    }
    const bytes = bytesOf(digits, index + 1)
    inDump += bytes.length
    parts.push(bytes)
  }
  return Buffer.concat(parts)
}

function bytesOf(text: string, line: number): Buffer {
  const digits = text.replace(/0x|\\x|[\s,:]/gi, '')
  const wrong = /[^0-9a-f]/i.exec(digits)
  if (wrong !== null) throw new SpopError('ERR_SPOP_HEX', line, `${JSON.stringify(wrong[0])} is no hex digit`)
  if (digits.length % 2 !== 0) throw new SpopError('ERR_SPOP_HEX', line, 'an odd number of hex digits')
  return Buffer.from(digits, 'hex')
}
