import { type Line, linesOf, type Section, type Word } from './haproxy-file.ts'

/** An argument of a message, `name=fetch`; without a name it is only the fetch. */
export interface Argument {
  readonly name: string
  readonly fetch: string
  readonly line: Line
  readonly word: Word
}

export function argumentsOf(section: Section): Argument[] {
  return linesOf(section, 'args').flatMap((line) =>
    line.words.slice(1).map((word) => {
      const [, name = '', fetch = ''] = /^(?:([A-Za-z0-9_.-]+)=)?(.*)$/s.exec(word.text) ?? []
      return { name, fetch, line, word }
    }),
  )
}

/** The name of a fetch, what it is asked for, and the converters behind it: `req.fhdr(host),lower`. */
export function partsOfFetch(fetch: string): { name: string; argument: string; converters: string[] } {
  const [, name = '', argument = '', rest = ''] = /^([\w.]+)(?:\(([^)]*)\))?(.*)$/s.exec(fetch) ?? []
  const converters = [...rest.matchAll(/,([\w.]+)/g)].map(([, converter = '']) => converter)
  return { name: name.toLowerCase(), argument: argument.toLowerCase(), converters }
}
