/** Controls, formats such as changes of the text's direction, separators, private and unassigned code points. */
const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}]|(?! )\p{Zs}/gu
const PLAIN_NAME = /^[A-Za-z0-9_.:-]+$/
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Text of bytes in latin1 form if they are UTF-8, otherwise undefined. */
export function asUtf8(latin1: string): string | undefined {
  try {
    return utf8.decode(Buffer.from(latin1, 'latin1'))
  } catch {
    return undefined
  }
}

/**
 * Bytes from the wire for a terminal, in quotes: what they hold came from strangers, and neither an escape sequence nor
 * a line break of theirs may reach the screen. UTF-8 is shown as such; of anything else, bytes outside ASCII become
 * `\xe9`. A backslash is doubled, so every text stands for exactly one sequence of bytes.
 *
 * @param latin1 one character per byte
 */
export function quoted(latin1: string): string {
  const text = asUtf8(latin1)
  return `"${text === undefined ? escaped(latin1).replace(/[\x80-\xff]/g, hexByte) : escaped(text)}"`
}

/** The same for names, without quotes where they are plain. */
export function nameText(latin1: string): string {
  return PLAIN_NAME.test(latin1) ? latin1 : quoted(latin1)
}

/** Text of our own or of the system that may repeat something foreign: a file's name, a character of the input. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, escapeCharacter)
}

/** JSON that is plain ASCII but for printable text, so that it can be shown in a terminal as it is. */
export function safeJson(value: unknown): string {
  return JSON.stringify(value).replace(UNPRINTABLE, (character) =>
    Array.from({ length: character.length }, (_, i) => `\\u${hex(character.charCodeAt(i), 4)}`).join(''),
  )
}

function escaped(text: string): string {
  return text.replace(/["\\]/g, '\\$&').replace(UNPRINTABLE, escapeCharacter)
}

function escapeCharacter(character: string): string {
  const code = character.codePointAt(0)!
  if (character === '\n') return '\\n'
  if (character === '\r') return '\\r'
  if (character === '\t') return '\\t'
  return code < 0x80 ? `\\x${hex(code, 2)}` : `\\u{${code.toString(16)}}`
}

function hexByte(character: string): string {
  return `\\x${hex(character.charCodeAt(0), 2)}`
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, '0')
}
