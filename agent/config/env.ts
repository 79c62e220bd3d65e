/** Environment variables to take values from, `process.env` or a test's own. */
export type Environment = Readonly<Record<string, string | undefined>>

export type Interpolated =
  | { readonly ok: true; readonly value: string }
  | {
      readonly ok: false
      readonly kind: 'unset'
      readonly name: string
      readonly offset: number
      readonly length: number
    }
  | { readonly ok: false; readonly kind: 'syntax'; readonly offset: number; readonly length: number }

// A default holds no reference of its own: "${A:-${B}}" would end at the first "}".
const REFERENCE = /\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-((?:(?!\$\{)[^}])*))?\}|\$\{/g

/**
 * Replaces `${NAME}` and `${NAME:-default}` in one value of the file; `$${` is a literal `${`. As in a shell, the
 * default also stands for a variable that is set but empty. It runs on parsed values, so what a variable holds can
 * never become YAML.
 */
export function interpolate(text: string, env: Environment): Interpolated {
  let value = ''
  let from = 0
  for (const match of text.matchAll(REFERENCE)) {
    value += text.slice(from, match.index)
    from = match.index + match[0].length
    const name = match[1]
    if (match[0] === '$${') value += '${'
    else if (name === undefined) return { ok: false, kind: 'syntax', offset: match.index, length: 2 }
    else {
      const found = env[name]
      if (found !== undefined && found !== '') value += found
      else if (match[2] !== undefined) value += match[2]
      else return { ok: false, kind: 'unset', name, offset: match.index, length: match[0].length }
    }
  }
  return { ok: true, value: value + text.slice(from) }
}

/**
 * Where the characters of an interpolated value come from: for each its offset in `text`, and the end's. What a variable
 * gave comes from its reference as a whole.
 */
export function origins(text: string, env: Environment): number[] {
  const offsets: number[] = []
  let from = 0
  const plain = (end: number): void => {
    for (; from < end; from++) offsets.push(from)
  }
  for (const match of text.matchAll(REFERENCE)) {
    plain(match.index)
    const result = interpolate(match[0], env)
    const { length } = result.ok ? result.value : match[0]
    for (let i = 0; i < length; i++) offsets.push(match.index)
    from = match.index + match[0].length
  }
  plain(text.length)
  offsets.push(text.length)
  return offsets
}

/** What a broken reference was meant to be, as a hint. */
export function syntaxHint(text: string, offset: number): string {
  const rest = text.slice(offset + 2)
  const name = /^[^}:]*/.exec(rest)?.[0] ?? ''
  if (/^[A-Za-z_][A-Za-z0-9_]*:-[^}]*\$\{/.test(rest)) return 'A default holds no reference: write the value out.'
  if (!rest.includes('}')) return 'Add the "}"; a literal "${" is written "$${".'
  const shell = /^([A-Za-z_][A-Za-z0-9_]*)(?:-|=|:=|:\?|\?)([^}]*)\}/.exec(rest)
  if (shell !== null) return `A default is written "\${${shell[1]}:-${shell[2]}}".`
  if (name.trim() !== name) return 'Remove the blanks beside the name.'
  return 'Write ${NAME} or ${NAME:-default}, the name of letters, digits and "_"; a literal "${" is written "$${".'
}
