import { readFileSync } from 'node:fs'
import type { Environment } from '../config/env.ts'
import { problem, type Problem } from '../config/problem.ts'
import { UserError } from '../errors.ts'

/** A word of a line, unquoted and with its variables replaced. Columns count from 1. */
export interface Word {
  readonly text: string
  readonly column: number
}

export interface Line {
  readonly number: number
  readonly words: readonly Word[]
}

export interface Section {
  /** `frontend`, `backend`, `spoe-agent`, `spoe-message` … */
  readonly kind: string
  readonly name: string
  readonly header: Line
  readonly lines: readonly Line[]
}

const HAPROXY_SECTIONS = [
  'global',
  'defaults',
  'frontend',
  'backend',
  'listen',
  'userlist',
  'peers',
  'resolvers',
  'mailers',
  'cache',
  'program',
  'ring',
  'http-errors',
  'fcgi-app',
  'log-forward',
  'crt-list',
  'traces',
  'log-profile',
  'crt-store',
]
const SPOE_SECTIONS = ['spoe-agent', 'spoe-message', 'spoe-group']

/** A file in HAProxy's syntax, haproxy.cfg or spoe.conf, as words that know their place. */
export class HaproxyFile {
  readonly file: string
  readonly text: string
  readonly sections: readonly Section[]
  readonly #source: readonly string[]

  /** @param env replaces `${NAME}`; names it lacks become empty, as in HAProxy */
  constructor(file: string, text: string, env: Environment) {
    this.file = file
    this.text = text
    this.#source = text.split('\n')
    this.sections = toSections(this.#source.map((line, i) => ({ number: i + 1, words: splitWords(line, env) })))
  }

  /** @throws {UserError} HAPROXY_UNREADABLE */
  static read(file: string, env: Environment): HaproxyFile {
    try {
      return new HaproxyFile(file, readFileSync(file, 'utf8'), env)
    } catch (error) {
      throw new UserError('HAPROXY_UNREADABLE', `cannot read ${file}: ${(error as Error).message}`, { cause: error })
    }
  }

  sectionsOf(...kinds: string[]): Section[] {
    return this.sections.filter((section) => kinds.includes(section.kind))
  }

  /** A problem at a word of this file, or at the start of a line. */
  at(code: Problem['code'], line: Line, word: Word | undefined, message: string, hint?: string): Problem {
    return problem({
      code,
      file: this.file,
      line: line.number,
      column: word?.column ?? 1,
      length: word?.text.length ?? 1,
      source: this.#source[line.number - 1] ?? '',
      message,
      ...(hint !== undefined && { hint }),
    })
  }
}

/** The lines of a section that begin with these words. */
export function linesOf(section: Section, ...prefix: string[]): Line[] {
  return section.lines.filter((line) => prefix.every((word, i) => line.words[i]?.text === word))
}

function toSections(lines: readonly Line[]): Section[] {
  const sections: { kind: string; name: string; header: Line; lines: Line[] }[] = []
  for (const line of lines) {
    const first = line.words[0]?.text
    if (first === undefined || first.startsWith('[')) continue
    if (HAPROXY_SECTIONS.includes(first) || SPOE_SECTIONS.includes(first)) {
      sections.push({ kind: first, name: line.words[1]?.text ?? '', header: line, lines: [] })
    } else sections.at(-1)?.lines.push(line)
  }
  return sections
}

/** HAProxy's quoting (configuration.txt section 2.2): strong and weak quotes, backslashes, variables in weak quotes. */
function splitWords(line: string, env: Environment): Word[] {
  const words: Word[] = []
  let text = ''
  let start = -1
  let quote = ''
  for (let i = 0; i <= line.length; i++) {
    const char = line[i]
    const outside = quote === ''
    if (char === undefined || (outside && /[\s#]/.test(char))) {
      if (start !== -1) words.push({ text, column: start + 1 })
      text = ''
      start = -1
      if (char === '#') break
      continue
    }
    if (start === -1) start = i
    if (char === '\\' && quote !== "'") text += line[++i] ?? ''
    else if (char === quote) quote = ''
    else if (outside && (char === '"' || char === "'")) quote = char
    else if (quote === '"' && char === '$') {
      const reference = /^\$(?:\{([A-Za-z0-9_]+)\}|([A-Za-z0-9_]+))/.exec(line.slice(i))
      text += reference === null ? char : (env[reference[1] ?? reference[2] ?? ''] ?? '')
      i += (reference?.[0].length ?? 1) - 1
    } else text += char
  }
  return words
}

/** `presetenv` and `setenv` lines of haproxy.cfg, under what the environment says. */
export function haproxyEnvironment(text: string, env: Environment): Environment {
  const result: Record<string, string | undefined> = { ...env }
  for (const section of new HaproxyFile('', text, env).sectionsOf('global')) {
    for (const { words } of section.lines) {
      const [keyword, name, value] = words.map((word) => word.text)
      if (name === undefined || value === undefined) continue
      if (keyword === 'setenv' || (keyword === 'presetenv' && result[name] === undefined)) result[name] = value
    }
  }
  return result
}
