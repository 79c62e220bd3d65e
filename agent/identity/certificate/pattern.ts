/** Matches names, in time linear in both pattern and name. */
export type Pattern = (name: string) => boolean

/** Tokens of a pattern beside plain characters. */
const ONE_PART = Symbol('*')
const ANYTHING = Symbol('**')

/**
 * A pattern over names: `*` stands for any characters but the separator, `**` for any characters at all; the rest for
 * itself, letter by letter.
 * @param separator what ends a part of a name: `/` in URIs, `.` in host names; '' where names have no parts
 */
export function compilePattern(pattern: string, separator: string): Pattern {
  const tokens = (pattern.match(/\*\*+|[^]/g) ?? []).map((token) =>
    token === '*' ? ONE_PART : token.startsWith('**') ? ANYTHING : token,
  )
  if (tokens.every((token) => typeof token === 'string')) return (name) => name === pattern
  return (name) => {
    // All places of the pattern that the name read so far can have led to: no backtracking, however many stars.
    let places = skipStars(tokens, new Set([0]))
    for (let i = 0; i < name.length && places.size > 0; i++) {
      const character = name[i]
      const next = new Set<number>()
      for (const place of places) {
        const token = tokens[place]
        if (token === ANYTHING || (token === ONE_PART && character !== separator)) next.add(place)
        else if (token === character) next.add(place + 1)
      }
      places = skipStars(tokens, next)
    }
    return places.has(tokens.length)
  }
}

/** A star may stand for nothing. A Set walks over what is added to it on the way. */
function skipStars(tokens: readonly (string | symbol)[], places: Set<number>): Set<number> {
  for (const place of places) {
    if (typeof tokens[place] === 'symbol') places.add(place + 1)
  }
  return places
}
