import { suggest } from '../config/suggest.ts'
import { FIELDS } from './cel-fields.ts'

/** What expressions read, and what of it. */
const ROOTS: Readonly<Record<string, readonly string[]>> = {
  request: Object.keys(FIELDS.Request),
  connection: Object.keys(FIELDS.Connection),
  identity: Object.keys(FIELDS.Identity),
  verdict: Object.keys(FIELDS.Verdict),
}

/** Functions of CEL that rules may need; the first ones are called on a text. */
const METHODS = (
  'contains startsWith endsWith matches lowerAscii upperAscii trim split substring replace indexOf lastIndexOf ' +
  'charAt'
).split(' ')
const CALLS = 'size has string int double bool timestamp duration inNetwork ip lower urlEncode sha256'.split(' ')
const FUNCTIONS = ['exists', 'all', 'filter', 'map', 'join', ...CALLS, ...METHODS]

/** Operators of other languages. */
const OPERATORS: Readonly<Record<string, string>> = {
  and: '&&',
  or: '||',
  not: '!',
  AND: '&&',
  OR: '||',
  NOT: '!',
  '=': '==',
  '&': '&&',
  '|': '||',
}

const WORDING: readonly [pattern: RegExp, message: string][] = [
  [/^Unexpected token: EOF$/, 'Unexpected token: the expression ends here'],
  [/^Expected RPAREN, got EOF$/, 'a "(" is never closed'],
  [/^Expected RBRACKET, got EOF$/, 'a "[" is never closed'],
  [/^Expected RBRACE, got EOF$/, 'a "{" is never closed'],
  [/^Expected IDENTIFIER, got .*$/, 'a name is missing'],
  [/^Unterminated (?:triple-quoted )?string$/, 'the quote is never closed'],
  [/^Exceeded \w+ \((\d+)\)$/, 'the expression is too long, or nested too deeply'],
]

/** The words of cel-js, except where they are those of a parser. */
export function messageOf(summary: string, source: string): string {
  if (source.trim() === '') return 'the expression is empty'
  if (summary.startsWith("Unexpected character: '")) return 'the expression has ended before this'
  for (const [pattern, message] of WORDING) if (pattern.test(summary)) return message
  return summary
}

/**
 * What to do about an expression that cel-js refuses.
 * @param start offset of the place that it names
 */
export function hintOf(summary: string, source: string, start: number, end: number): string | undefined {
  if (source.trim() === '') return 'Write a condition, such as request.method == "POST", or remove the key.'
  const key = /^No such key: (\w+)$/.exec(summary)?.[1]
  if (key !== undefined) return fieldHint(key, source.slice(0, start))
  const variable = /^Unknown variable: (\w+)$/.exec(summary)?.[1]
  if (variable !== undefined) return variableHint(variable, source.slice(end))
  const call = /^found no matching overload for '(.*)'$/.exec(summary)?.[1]
  if (call !== undefined) return callHint(call)
  const operands = /^no such overload: (.*)$/.exec(summary)?.[1]
  if (operands !== undefined) return operandsHint(operands)
  if (summary.startsWith('Unexpected character')) return characterHint(source, start, end)
  if (summary.endsWith('EOF')) return 'Something is missing at the end: an operand, a ")" or a "]".'
  if (summary.startsWith('Expected IDENTIFIER')) return 'Write a field behind the ".", such as request.path.'
  if (summary.startsWith('Unexpected token'))
    return 'An operand is missing before this, or there is an operator too many.'
  if (summary.startsWith('Unterminated')) return 'End the text with the quote that it begins with.'
  if (/escape/.test(summary)) return 'In a text of CEL "\\" begins an escape: write "\\\\".'
  if (summary.startsWith('Exceeded')) return 'Split it into several rules: 2000 parts and 64 levels are the most.'
  if (summary.startsWith('List elements')) return 'Give all entries one type, such as ["a", "b"].'
  if (summary.startsWith('Ternary')) return 'Give both branches of "? :" one type, and a condition before.'
  if (summary.startsWith('has()')) return 'has() takes a field: has(identity.claims.plan).'
  if (summary.startsWith('Cannot index'))
    return 'Only identity.claims and lists have [ ]; a text has contains() and startsWith().'
  if (summary.startsWith('List index'))
    return 'A list has numbers from 0: identity.roles[0]; whether it holds a text tells "a" in identity.roles.'
  if (/^Logical operator|bool/.test(summary))
    return 'Both sides of && and || are conditions: compare each, such as request.method == "GET".'
  return undefined
}

/** What to do when the expression gives another type than is needed. */
export function typeHint(type: string, wanted: string): string {
  if (wanted === 'bool') {
    if (type === 'dyn') return 'A claim may be anything: compare it, such as identity.claims.plan == "gold".'
    if (type.startsWith('list')) return 'Ask for an entry, such as "admin" in identity.roles.'
    return 'Compare it with something, such as request.method == "POST".'
  }
  if (wanted === 'int') return 'Choose a number, or make it one with int(…).'
  if (wanted === 'double') return 'Choose a number, or make it one with double(…).'
  if (wanted === 'list') return 'Write a list, such as ["a", identity.tenant], or choose one, such as identity.roles.'
  if (/^(?:int|uint|double|bool)$/.test(type)) return 'Make it text with string(…).'
  return 'Choose a field that is text, such as identity.tenant or identity.subject.'
}

function fieldHint(key: string, before: string): string {
  const root = /(\w+)\s*\.\s*$/.exec(before)?.[1] ?? ''
  const fields = ROOTS[root]
  if (fields === undefined) return 'Only request, connection and identity have fields.'
  const close = suggest(key, fields)
  if (close !== undefined) return `Did you mean "${close}"?`
  const other = rootOf(key)
  if (other !== undefined) return `Write ${other}.${key}.`
  const claims = root === 'identity' ? `, and other claims are in identity.claims.${key}` : ''
  return `"${root}" has ${fields.join(', ')}${claims}.`
}

function rootOf(field: string): string | undefined {
  return Object.keys(ROOTS).find((root) => ROOTS[root]?.includes(field) === true)
}

function variableHint(name: string, after: string): string {
  const operator = OPERATORS[name]
  if (operator !== undefined) return `CEL writes "${name}" as ${operator}.`
  const root = rootOf(name)
  if (root !== undefined) return `Write ${root}.${name}.`
  const close = suggest(name, [...Object.keys(ROOTS), 'captures', 'true', 'false'])
  if (close !== undefined) return `Did you mean "${close}"?`
  if (/^\s*\./.test(after)) return 'Expressions read request, connection and identity.'
  return `A text needs quotes: "${name}". Names are request, connection and identity.`
}

function callHint(call: string): string {
  const [, receiver, name = ''] = /^(?:(.*?)\.)?(\w+)\(/.exec(call) ?? []
  if (name === 'contains' && receiver?.startsWith('list') === true) return 'For lists write "a" in identity.roles.'
  if (receiver === undefined && METHODS.includes(name)) return `It is called on a text: request.path.${name}("…").`
  if (receiver !== undefined && CALLS.includes(name)) return `Write ${name}(…) around it, not behind a ".".`
  const close = suggest(name, FUNCTIONS)
  if (close !== undefined) return `Did you mean "${close}"?`
  if (FUNCTIONS.includes(name)) return `"${name}" does not take these; see docs/configuration.md for what it takes.`
  return 'Functions are size(), has(), string(), and on texts contains(), startsWith() and endsWith().'
}

function operandsHint(operands: string): string {
  if (operands.startsWith('!')) return '"!" stands before a condition: !(request.method == "GET").'
  if (/^list<\w+> [!=]= \w+/.test(operands)) return 'Whether a list holds a text tells "in": "admin" in identity.roles.'
  if (/bool [!=]= string|string [!=]= bool/.test(operands)) return 'true and false stand without quotes.'
  if (/^string [!=<>]=? (?:int|double)/.test(operands)) return 'Put the number in quotes, or convert with int(…).'
  if (/^(?:int|double) [!=<>]=? string/.test(operands)) return 'Write the number without quotes.'
  if (/ \+ /.test(operands)) return 'Join texts only: convert the other side with string(…).'
  return 'Both sides need types that go together; string(…) and int(…) convert.'
}

function characterHint(source: string, start: number, end: number): string {
  const found = source.slice(start, end)
  const word = /^\w+/.exec(found.trim())?.[0] ?? ''
  const before = /(\w+)\s*$/.exec(source.slice(0, start))?.[1] ?? ''
  const operator = OPERATORS[found] ?? OPERATORS[word]
  if (operator !== undefined) return `CEL writes "${found === '=' ? '=' : found.trim()}" as ${operator}.`
  if (OPERATORS[before] !== undefined) return `CEL writes "${before}" as ${OPERATORS[before]}.`
  if (/^[\u2018-\u201f\u00ab\u00bb]/.test(found)) return 'The quotes are typographic: write "…" or \'…\'.'
  if (/^[)\]}]/.test(found)) return 'Remove the bracket, or add the one that opens it.'
  if (word !== '') return 'Put an operator before it: && for "and", || for "or"; texts stand in quotes.'
  return 'Remove it: names, texts in quotes, numbers, ( ) [ ] and the operators of CEL may stand here.'
}
