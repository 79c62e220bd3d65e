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

const REFERENCE = /\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}|\$\{/g

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
