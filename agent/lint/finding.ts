import type { Problem } from '../config/problem.ts'
import type { HaproxyFile, Line, Section } from './haproxy-file.ts'

/** Something to add to a file, below a line of it. Nothing is ever removed or changed. */
export interface Addition {
  /** Its name. */
  readonly file: string
  readonly below: Line
  /** The keyword that begins the line: `args`, `timeout` … */
  readonly keyword: string
  /** What follows it. Additions of one place whose keyword takes several share lines. */
  readonly words: readonly string[]
  /** Whether `words` of several additions may stand in one line. */
  readonly joins: boolean
}

/** A problem that `check` found, with what would mend it where that is safe. */
export interface Finding extends Problem {
  readonly addition?: Addition
}

/** For what is most likely a slip, but neither lets requests through nor stops them all. */
export function warning<T extends Problem>(found: T): T {
  return { ...found, severity: 'warning' }
}

export function fixedBy(found: Problem, addition: Addition): Finding {
  return { ...found, addition }
}

/** Where something is added to a section: below one of its lines, or below its header. */
export interface Place {
  readonly file: HaproxyFile
  readonly section: Section
  readonly below?: Line | undefined
}

/** A whole line of its own. */
export function newLine(place: Place, keyword: string, ...words: string[]): Addition {
  return addition(place, keyword, words, false)
}

/** More words of a keyword that takes any number of them, in any number of lines. */
export function moreWords(place: Place, keyword: string, ...words: string[]): Addition {
  return addition(place, keyword, words, true)
}

function addition(
  { file, section, below }: Place,
  keyword: string,
  words: readonly string[],
  joins: boolean,
): Addition {
  return { file: file.file, below: file.behindConditions(section, below ?? section.header), keyword, words, joins }
}
