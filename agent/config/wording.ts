import type { z } from 'zod'

/** What the schema's types are called in a message. */
const TYPES: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a mapping',
  record: 'a mapping',
}

/** `expected text, not a number`: what is wrong with a value, in words of the file and not of the program. */
export function wording(issue: z.core.$ZodIssue): string {
  const isOwn = !/^(?:Invalid|Too |Unrecognized)/.test(issue.message)
  switch (issue.code) {
    case 'invalid_type': {
      if (isOwn) return issue.message
      return `expected ${TYPES[issue.expected] ?? issue.expected}, not ${received(issue.input)}`
    }
    case 'too_small':
    case 'too_big':
      return isOwn ? issue.message : limits(issue)
    case 'invalid_value':
      return isOwn
        ? issue.message
        : `expected ${issue.values
            .map(String)
            .join(', ')
            .replace(/, (?=[^,]*$)/, ' or ')}`
    case 'invalid_union':
      return isOwn
        ? issue.message
        : (innerMessage(issue) ?? `expected ${alternatives(issue)}, not ${received(issue.input)}`)
    default:
      return issue.message.replace(/^Invalid (?:input|string): /, '')
  }
}

function limits(issue: z.core.$ZodIssueTooSmall | z.core.$ZodIssueTooBig): string {
  const small = issue.code === 'too_small'
  const limit = Number(small ? issue.minimum : issue.maximum)
  if (issue.origin === 'string') {
    if (small && limit === 1) return 'expected text, not an empty one'
    return `expected ${small ? 'at least' : 'at most'} ${limit} characters`
  }
  if (issue.origin === 'array' || issue.origin === 'set' || issue.origin === 'map') {
    return `expected ${small ? 'at least' : 'at most'} ${limit} ${limit === 1 ? 'entry' : 'entries'}`
  }
  const bound = issue.inclusive === false ? (small ? 'more than' : 'less than') : small ? 'at least' : 'at most'
  return `expected ${bound} ${limit}`
}

/** What a union inside the union says in words of its own. */
function innerMessage({ errors }: z.core.$ZodIssueInvalidUnion): string | undefined {
  const inner = errors.flat().find(({ code, path }) => code === 'invalid_union' && path.length === 0)
  return inner?.message.startsWith('Invalid') === false ? inner.message : undefined
}

/** The types that the branches of a union take. */
function alternatives({ errors }: z.core.$ZodIssueInvalidUnion): string {
  const names = errors.flatMap((branch) =>
    branch.flatMap((issue) => {
      if (issue.path.length > 0) return []
      if (issue.code === 'invalid_union') return [alternatives(issue)]
      if (issue.code === 'invalid_type') return [TYPES[issue.expected] ?? issue.expected]
      return issue.code === 'invalid_value' ? issue.values.map((value) => `"${String(value)}"`) : []
    }),
  )
  const all = [...new Set(names)]
  return all.length === 0 ? 'something else' : all.join(' or ')
}

function received(input: unknown): string {
  if (input === null) return 'nothing'
  if (Array.isArray(input)) return 'a list'
  if (typeof input === 'string') return input === '' ? 'an empty text' : 'text'
  if (typeof input === 'boolean') return String(input)
  if (typeof input === 'number') return Number.isInteger(input) ? 'a number' : 'a fraction'
  return 'a mapping'
}

/** Keys of the mapping that may have been meant. */
interface Keys {
  readonly required: readonly string[]
  readonly known: readonly string[]
  /** Whether the key of the value itself may be left out. */
  readonly optional: boolean
}

/** Slips that explain a value of the wrong type. */
export function wrongTypeHint(
  message: string,
  input: unknown,
  { required, known, optional }: Keys,
): string | undefined {
  const remove = optional ? ', or remove the key' : ''
  if (input === null) return `Nothing stands behind the ":": write a value${remove}.`
  if (typeof input === 'string') {
    if (/^[\u2018-\u201f\u00ab\u00bb]/.test(input)) {
      return 'These quotes are typographic, and part of the value: write "…" or \'…\'.'
    }
    if (known.includes(/^(\w+):\S/.exec(input)?.[1] ?? '')) return 'Put a space behind the ":".'
    if (message.startsWith('expected a list')) return 'Write a list: [ a, b ], or each entry on a line with "- ".'
    if (message.startsWith('expected true or false')) return 'Write true or false, without quotes.'
    if (/^expected (?:a number|a whole number)/.test(message)) return 'Write a number without quotes and units.'
  }
  if (typeof input === 'number' && message.startsWith('expected a duration')) {
    return `Write the unit: ${input}ms, ${input}s or ${input}m.`
  }
  if (/^expected text, not (?:a number|true|false)/.test(message)) return 'Put it in quotes.'
  if (message.startsWith('expected text, not a list')) return 'One value stands here: remove the brackets, or the "- ".'
  if (/^expected (?:a mapping)/.test(message) && !/ or /.test(message)) {
    const named = required.length > 0 ? required : known.slice(0, 4)
    const list = named.length === 0 ? 'key: value' : named.map((key) => `${key}: …`).join(', ')
    return `Write a mapping: { ${list} }, or each key on an indented line.`
  }
  if (message.startsWith('expected a whole number')) return 'Write a whole number.'
  const atLeast = /^expected (at least|at most|more than|less than) (\S+)$/.exec(message)
  if (atLeast !== null) return `Write a number of ${atLeast[1]} ${atLeast[2]}.`
  if (/entr(?:y|ies)$/.test(message)) {
    return message.includes('at least') ? `Add an entry${remove}.` : 'Remove entries, or make two of it.'
  }
  if (message === 'expected text, not an empty one') return `Write a value${remove}.`
  return undefined
}

/** ` in rules[0].match` */
export function where(path: readonly PropertyKey[]): string {
  if (path.length === 0) return ''
  const parts = path.map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`))
  return ` in ${parts.join('').replace(/^\./, '')}`
}
