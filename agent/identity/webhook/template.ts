/** What a signature is made over, from its first byte to the body, which always comes last. */
export interface SignedTemplate {
  /** Of `v0:{timestamp}:{body}`: `v0:`, timestamp, `:`. */
  readonly parts: readonly (string | { readonly field: SignedField })[]
  /** The character behind the id, which no id may hold; undefined when the id is not signed. */
  readonly idEnd: string | undefined
}

export type SignedField = 'timestamp' | 'id'

/**
 * Reads `{id}.{timestamp}.{body}`. What is signed must say where each of its parts ends, or one delivery could be read as
 * another: of `{timestamp}{body}` a digit could move from the body to the timestamp.
 * @returns what is wrong with it, as a text, where it is none
 */
export function parseTemplate(text: string): SignedTemplate | string {
  const pieces = text.split(/\{([^{}]*)\}/)
  const names = pieces.filter((_, i) => i % 2 === 1)
  const literals = pieces.filter((_, i) => i % 2 === 0)
  if (literals.some((literal) => !/^[\x20-\x7e]*$/.test(literal) || /[{}]/.test(literal))) {
    return 'expected printable ASCII and {timestamp}, {id}, {body}'
  }
  const unknown = names.find((name) => !['timestamp', 'id', 'body'].includes(name))
  if (unknown !== undefined) return 'expected no other names than {timestamp}, {id} and {body}'
  if (new Set(names).size !== names.length) return 'expected each name once at most'
  if (names.at(-1) !== 'body' || literals.at(-1) !== '') return 'expected {body} at its end'
  const parts: (string | { field: SignedField })[] = []
  let idEnd: string | undefined
  for (const [i, name] of names.entries()) {
    const before = literals[i] ?? ''
    if (before !== '') parts.push(before)
    if (name === 'body') break
    const end = literals[i + 1]?.[0]
    if (end === undefined || /\d/.test(end)) return `expected a character that is no digit behind {${name}}`
    if (name === 'id') idEnd = end
    parts.push({ field: name as SignedField })
  }
  return { parts, idEnd }
}

/** The bytes before the body, as latin1. */
export function renderTemplate(template: SignedTemplate, values: Readonly<Record<SignedField, string>>): string {
  return template.parts.map((part) => (typeof part === 'string' ? part : values[part.field])).join('')
}
