/**
 * What JSON.parse does not tell: whether an object names a key twice (two parsers may then see two tokens) and how deep
 * the text nests. One pass, strings skipped by indexOf. Says nothing of other JSON errors, which JSON.parse finds.
 * @param maxDepth objects and arrays that may be open at once
 * @returns false for a duplicate key (escapes resolved), too deep a nesting, or a string without end
 */
export function hasUniqueKeys(text: string, maxDepth: number): boolean {
  const open: (Set<string> | undefined)[] = [] // keys per open object; undefined for an array
  let keys: Set<string> | undefined
  let expectKey = false
  for (let i = 0; i < text.length; i++) {
    switch (text.charCodeAt(i)) {
      case 0x22: {
        // "
        const end = closingQuote(text, i + 1)
        if (end < 0) return false
        if (expectKey && keys !== undefined) {
          const key = unescaped(text.slice(i + 1, end))
          if (key === undefined || keys.has(key)) return false
          keys.add(key)
          expectKey = false
        }
        i = end
        break
      }
      case 0x7b: // {
      case 0x5b: // [
        if (open.length === maxDepth) return false
        keys = text.charCodeAt(i) === 0x7b ? new Set() : undefined
        expectKey = keys !== undefined
        open.push(keys)
        break
      case 0x7d: // }
      case 0x5d: // ]
        open.pop()
        keys = open[open.length - 1]
        expectKey = false
        break
      case 0x2c: // ,
        expectKey = keys !== undefined
        break
    }
  }
  return true
}

/** Index of the first quote that is not escaped, i.e. preceded by an even number of backslashes; -1 without one. */
function closingQuote(text: string, from: number): number {
  for (let end = text.indexOf('"', from); end >= 0; end = text.indexOf('"', end + 1)) {
    let first = end
    while (first > from && text.charCodeAt(first - 1) === 0x5c) first--
    if ((end - first) % 2 === 0) return end
  }
  return -1
}

function unescaped(raw: string): string | undefined {
  if (!raw.includes('\\')) return raw
  try {
    return JSON.parse(`"${raw}"`) as string
  } catch {
    return undefined // not a JSON string, so the whole text is refused
  }
}
