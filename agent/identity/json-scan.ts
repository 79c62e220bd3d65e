/**
 * The text with every key written without escapes, for JSON.parse to read: the text itself where that is so already. What
 * JSON.parse does not tell is looked for on the way: whether an object names a key twice (two parsers may then see two
 * tokens) and how deep the text nests. One pass, strings skipped by indexOf. Says nothing of other JSON errors, which
 * JSON.parse finds.
 *
 * No text with an escaped key may reach JSON.parse: V8 (13.6, Node 24) takes such a key for another one that an earlier
 * text brought into an object of the same shape, when that one is how the escaped key begins. After `{"a":1,"\\":1}` the
 * text `{"a":1,"\u006c":1}` has the members a and \, not a and l. So one caller's token would change how another's is read.
 * @param maxDepth objects and arrays that may be open at once
 * @returns undefined for a duplicate key (escapes resolved), a key that cannot be written without escapes, too deep a
 *   nesting, or a string without end
 */
export function withPlainKeys(text: string, maxDepth: number): string | undefined {
  const open: (Set<string> | undefined)[] = [] // keys per open object; undefined for an array
  let keys: Set<string> | undefined
  let expectKey = false
  let plain = '' // what is before `copied`
  let copied = 0
  for (let i = 0; i < text.length; i++) {
    switch (text.charCodeAt(i)) {
      case 0x22: {
        // "
        const end = closingQuote(text, i + 1)
        if (end < 0) return undefined
        if (expectKey && keys !== undefined) {
          const raw = text.slice(i + 1, end)
          const key = raw.includes('\\') ? unescaped(raw) : raw
          if (key === undefined || keys.has(key)) return undefined
          if (key !== raw) {
            plain += text.slice(copied, i + 1) + key
            copied = end
          }
          keys.add(key)
          expectKey = false
        }
        i = end
        break
      }
      case 0x7b: // {
      case 0x5b: // [
        if (open.length === maxDepth) return undefined
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
  return copied === 0 ? text : plain + text.slice(copied)
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

/** The key; undefined when it is no JSON string, or one that JSON can write with escapes only. */
function unescaped(raw: string): string | undefined {
  try {
    const key = JSON.parse(`"${raw}"`) as string
    return JSON.stringify(key) === `"${key}"` ? key : undefined
  } catch {
    return undefined // not a JSON string, so the whole text is refused
  }
}
