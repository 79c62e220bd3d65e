import {
  type Document,
  isCollection,
  isMap,
  isPair,
  isScalar,
  type Node,
  Scalar,
  visit,
  type YAMLParseError,
} from 'yaml'
import type { Lines } from './lines.ts'
import { yamlWording } from './yaml-errors.ts'
import type { Refusal } from './yaml-structure.ts'

/**
 * What the parser found. After the first real error it guesses, so what it says from there on is left out; a key that
 * stands twice misleads nobody.
 */
export function syntaxErrors(document: Document, lines: Lines): { fatal: boolean; errors: Refusal[] } {
  const sorted = document.errors.toSorted((a, b) => a.pos[0] - b.pos[0])
  const first = sorted.find(({ code }) => code !== 'DUPLICATE_KEY')
  const duplicates = sorted.filter(({ code, pos }) => code === 'DUPLICATE_KEY' && pos[0] < (first?.pos[0] ?? Infinity))
  const errors = duplicates.map((error) => duplicateKey(document, lines, error))
  return first === undefined
    ? { fatal: false, errors }
    : { fatal: true, errors: [...errors, wrongYaml(document, lines, first)] }
}

function duplicateKey(document: Document, lines: Lines, { pos: [start] }: YAMLParseError): Refusal {
  let name = ''
  let first = start
  visit(document, {
    Map: (_key, map) => {
      const keys = map.items.map(({ key }) => key).filter((key) => isScalar(key))
      const twice = keys.find((key) => key.range?.[0] === start)
      if (twice === undefined) return undefined
      name = String(twice.value)
      first = keys.find((key) => key.value === twice.value)?.range?.[0] ?? start
      return visit.BREAK
    },
  })
  const { line } = lines.at(first)
  const hint = `Keep one of the two, or merge them: the other one is in line ${line}.`
  return { start, length: name.length, message: `the key "${name}" stands twice: keys must be unique`, hint }
}

function wrongYaml(document: Document, lines: Lines, error: YAMLParseError): Refusal {
  const [at, end] = error.pos
  const { source, column } = lines.at(at)
  const before = lines.text.slice(0, at)
  const wording = yamlWording(error, source, before)
  const opened = opening(document, lines.text, error)
  if (opened !== undefined) return { start: opened, length: 1, ...wording }
  const reference = wording.message.startsWith('an environment reference') ? source.indexOf('${') : -1
  if (reference !== -1) {
    const length = /^\$\{[^}]*\}?/.exec(source.slice(reference))?.[0].length ?? 2
    return { start: at - (column - 1) + reference, length, ...wording }
  }
  const quoted = quotedBefore(document, at)
  const [from = 0, to = 0] = quoted?.range ?? []
  if (wording.message.startsWith('text behind') && lines.text.slice(from, to).includes('\n')) {
    const { line } = lines.at(from)
    return { start: at, length: end - at, ...wording, hint: `Does the quote in line ${line} lack its end?` }
  }
  return { start: at, length: Math.max(1, end - at), ...wording }
}

/** Where begins what is never closed: the parser reports its end, which is often the end of the file. */
function opening(document: Document, text: string, { message, pos: [at] }: YAMLParseError): number | undefined {
  if (/Missing closing/.test(message)) return quotedBefore(document, at)?.range?.[0]
  const bracket = /end with a ([}\]])/.exec(message)?.[1]
  if (bracket === undefined) return undefined
  let found: number | undefined
  visit(document, {
    Collection: (_key, node) => {
      const [start, end] = node.range ?? [0, 0]
      const isOpen = isCollection(node) && node.flow === true && text[end - 1] !== bracket
      if (isOpen && start <= at && isMap(node) === (bracket === '}')) found = start
    },
  })
  return found
}

/** The last quoted value that begins before `at`. */
function quotedBefore(document: Document, at: number): Scalar | undefined {
  let found: Scalar | undefined
  const look = (node: Scalar): void => {
    const isQuoted = node.type === Scalar.QUOTE_DOUBLE || node.type === Scalar.QUOTE_SINGLE
    if (isQuoted && (node.range?.[0] ?? at) < at) found = node
  }
  visit(document, {
    Scalar: (_key, node) => look(node),
    Pair: (_key, pair) => {
      if (isPair(pair) && isScalar(pair.key)) look(pair.key as Scalar & Node)
    },
  })
  return found
}
