import { readFileSync } from 'node:fs'
import type { Environment } from '../config/env.ts'
import { problem, type Problem } from '../config/problem.ts'
import { UserError } from '../errors.ts'
import { Branches, type Truth } from './conditions.ts'
import { splitWords, type Word } from './haproxy-words.ts'
import type { HaproxyVersion } from './version.ts'

export type { Word } from './haproxy-words.ts'

export interface Line {
  readonly number: number
  readonly words: readonly Word[]
}

export interface Section {
  /** `frontend`, `backend`, `spoe-agent`, `spoe-message` … */
  readonly kind: string
  readonly name: string
  /** The engine that an SPOE section is for: what stands in `[ ]` above it. */
  readonly scope: string | undefined
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
  /** What counts for the version asked about; where that cannot be told, each branch of an `.if`. */
  readonly sections: readonly Section[]
  /** The same with every branch of every `.if`. */
  readonly written: readonly Section[]
  readonly #source: readonly string[]
  /** How many conditions are open behind each line. */
  readonly #depths: readonly number[]

  /**
   * @param env replaces `${NAME}`; names it lacks become empty, as in HAProxy
   * @param version decides `.if version_atleast(…)`
   */
  constructor(file: string, text: string, env: Environment, version?: HaproxyVersion) {
    this.file = file
    this.text = text
    this.#source = text.split('\n').map((line) => line.replace(/\r$/, ''))
    const lines = this.#source.map((line, i) => ({ number: i + 1, words: splitWords(line, env) }))
    const branches = new Branches({ env, version })
    const depths: number[] = []
    const counting = lines.map((line): [Line, Truth] => {
      const counts = branches.next(line.words.map((word) => word.text))
      depths.push(branches.depth)
      return [line, counts]
    })
    this.#depths = depths
    this.written = toSections(lines)
    this.sections = toSections(counting.flatMap(([line, counts]) => (counts === false ? [] : [line])))
  }

  sectionsOf(...kinds: string[]): Section[] {
    return this.sections.filter((section) => kinds.includes(section.kind))
  }

  /** The line, or the end of the `.if` within its section that it stands in: what is added below counts always. */
  behindConditions({ header }: Section, line: Line): Line {
    const outside = this.#depths[header.number - 1] ?? 0
    let { number } = line
    while ((this.#depths[number - 1] ?? 0) > outside) number++
    return { number, words: line.words }
  }

  /** A problem at a word of this file, or at the start of a line. */
  at(code: Problem['code'], line: Line, word: Word | undefined, message: string, hint?: string): Problem {
    return problem({
      code,
      file: this.file,
      line: line.number,
      column: word?.column ?? 1,
      length: word?.length ?? 1,
      source: this.#source[line.number - 1] ?? '',
      message,
      ...(hint !== undefined && { hint }),
    })
  }
}

/** @throws {UserError} HAPROXY_UNREADABLE */
export function readHaproxyText(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw new UserError('HAPROXY_UNREADABLE', `cannot read ${file}: ${(error as Error).message}`, { cause: error })
  }
}

/** The lines of a section that begin with these words. */
export function linesOf(section: Section, ...prefix: string[]): Line[] {
  return section.lines.filter((line) => prefix.every((word, i) => line.words[i]?.text === word))
}

function toSections(lines: readonly Line[]): Section[] {
  const sections: { kind: string; name: string; scope: string | undefined; header: Line; lines: Line[] }[] = []
  let scope: string | undefined
  for (const line of lines) {
    const first = line.words[0]?.text
    if (first === undefined || first.startsWith('.')) continue
    if (first.startsWith('[')) scope = /^\[(.*)\]$/.exec(line.words.map((word) => word.text).join(' '))?.[1]
    else if (HAPROXY_SECTIONS.includes(first) || SPOE_SECTIONS.includes(first)) {
      sections.push({ kind: first, name: line.words[1]?.text ?? '', scope, header: line, lines: [] })
    } else sections.at(-1)?.lines.push(line)
  }
  return sections
}

/** `presetenv` and `setenv` lines of haproxy.cfg, under what the environment says. */
export function haproxyEnvironment(text: string, env: Environment, version?: HaproxyVersion): Environment {
  const result: Record<string, string | undefined> = { ...env }
  for (const section of new HaproxyFile('', text, env, version).sectionsOf('global')) {
    for (const { words } of section.lines) {
      const [keyword, name, value] = words.map((word) => word.text)
      if (name === undefined || value === undefined) continue
      if (keyword === 'setenv' || (keyword === 'presetenv' && result[name] === undefined)) result[name] = value
    }
  }
  return result
}

/** The same lines of a proxy, or those it takes over from its "defaults" where it has none. */
export function inheritedLines(haproxy: HaproxyFile, proxy: Section, ...prefix: string[]): Line[] {
  const own = linesOf(proxy, ...prefix)
  const defaults = own.length > 0 ? undefined : defaultsOf(haproxy, proxy)
  return defaults === undefined ? own : linesOf(defaults, ...prefix)
}

/** The "defaults" that a proxy takes over: the one it names, or the last one above it. */
export function defaultsOf(haproxy: HaproxyFile, proxy: Section): Section | undefined {
  const before = haproxy.sectionsOf('defaults').filter(({ header }) => header.number < proxy.header.number)
  const words = proxy.header.words.map((word) => word.text)
  const from = words.lastIndexOf('from')
  return from > 1 ? before.findLast(({ name }) => name === words[from + 1]) : before.at(-1)
}
