import { isUtf8 } from 'node:buffer'
import { readFileSync, statSync } from 'node:fs'
import { ConfigError, type Problem, problem } from './problem.ts'
import { Lines } from './lines.ts'

/** Bytes, and characters, that a configuration may have. */
export const MAX_SIZE = 2 * 1024 * 1024

const UNREADABLE: Readonly<Record<string, readonly [message: string, hint: string]>> = {
  ENOENT: ['there is no such file', 'Check the path; --config names another file.'],
  ENOTDIR: ['a part of the path is a file, not a folder', 'Check the path; --config names another file.'],
  EISDIR: ['it is a folder', 'Name the file in it: --config <folder>/agent.yaml.'],
  EACCES: ['it is not readable for this user', 'Let the user that runs the agent read it, with chmod or chown.'],
  EPERM: ['it is not readable for this user', 'Let the user that runs the agent read it, with chmod or chown.'],
}

/**
 * Reads a configuration as text.
 * @throws {ConfigError} CONFIG_UNREADABLE, or CONFIG_SYNTAX when it is no text in UTF-8
 */
export function readConfigText(file: string): string {
  let bytes: Buffer
  try {
    if (statSync(file).size > MAX_SIZE) throw new ConfigError([tooLarge(file)])
    bytes = readFileSync(file)
  } catch (error) {
    if (error instanceof ConfigError) throw error
    const { code = '', message: told } = error as NodeJS.ErrnoException
    const [why, hint] = UNREADABLE[code] ?? [told, 'Check the path; --config names another file.']
    const message = `cannot read ${file}: ${why}`
    throw new ConfigError([problem({ code: 'CONFIG_UNREADABLE', file, line: 0, column: 0, message, hint })])
  }
  if (!isUtf8(bytes)) throw new ConfigError([notUtf8(file, bytes)])
  return bytes.toString('utf8')
}

function notUtf8(file: string, bytes: Buffer): Problem {
  const [first, second] = bytes
  const isUtf16 = (first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff)
  const text = bytes.toString('utf8')
  const place = new Lines(text).at(isUtf16 ? 0 : Math.max(0, text.indexOf('\ufffd')))
  return problem({
    code: 'CONFIG_SYNTAX',
    file,
    ...place,
    length: 1,
    message: isUtf16 ? 'the file is UTF-16' : 'a byte that is not UTF-8',
    hint: isUtf16 ? 'Save the file as UTF-8.' : 'Save the file as UTF-8; is this the right file?',
  })
}

function tooLarge(file: string): Problem {
  return problem({
    code: 'CONFIG_SYNTAX',
    file,
    line: 1,
    column: 1,
    message: `the file is larger than ${MAX_SIZE / 1024 / 1024} MiB`,
    hint: 'Is this the right file? A configuration of thousands of rules is smaller; lists of keys go to files of their own.',
  })
}

/** What makes a text no YAML whatever it says. */
export function textProblems(file: string, lines: Lines): Problem[] {
  const { text } = lines
  if (text.length > MAX_SIZE) return [tooLarge(file)]
  const at = text.search(/[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\r(?!\n)/)
  if (at === -1) return []
  const code = text.charCodeAt(at)
  const isReturn = code === 0x0d
  return [
    problem({
      code: 'CONFIG_SYNTAX',
      file,
      ...lines.at(at),
      length: 1,
      message: isReturn
        ? 'a carriage return without a line feed'
        : `the control character U+${code.toString(16).toUpperCase().padStart(4, '0')}`,
      hint: isReturn
        ? 'Save the file with line ends LF or CRLF.'
        : 'Remove it; in a value between double quotes it is written as an escape, such as "\\x1b".',
    }),
  ]
}
