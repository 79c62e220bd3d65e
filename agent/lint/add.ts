import type { Addition } from './finding.ts'

/** Columns after which more words go to a line of their own. */
const WIDTH = 110
/** HAProxy takes so many words in a line. */
const WORDS = 60

/** The text of a file with these additions to it; nothing else of it changes. */
export function withAdditions(text: string, additions: readonly Addition[]): string {
  const lines = text.split('\n')
  const below = new Map<number, string[]>()
  for (const addition of joined(additions)) {
    const { number, words } = addition.below
    const anchor = lines[number - 1] ?? ''
    const isHeader = words[0]?.column === 1
    const indent = isHeader ? '    ' : (/^\s*/.exec(anchor)?.[0] ?? '    ')
    const end = anchor.endsWith('\r') ? '\r' : ''
    const added = below.get(number) ?? []
    added.push(...folded(addition, indent).map((line) => line + end))
    below.set(number, added)
  }
  return lines.flatMap((line, i) => [line, ...(below.get(i + 1) ?? [])]).join('\n')
}

/** Each once, and those that share lines together. */
function joined(additions: readonly Addition[]): Addition[] {
  const all = new Map<string, Addition>()
  for (const addition of additions) {
    const { below, keyword, joins, words } = addition
    const key = JSON.stringify([below.number, keyword, ...(joins ? [] : words)])
    const known = all.get(key)
    if (known === undefined) all.set(key, { ...addition, words: joins ? [...new Set(words)] : words })
    else if (joins) all.set(key, { ...known, words: [...new Set([...known.words, ...words])] })
  }
  return [...all.values()]
}

function folded({ keyword, words, joins }: Addition, indent: string): string[] {
  if (!joins) return [indent + [keyword, ...words].join(' ')]
  const lines: string[][] = []
  for (const word of words) {
    const last = lines.at(-1)
    const width = last === undefined ? 0 : `${indent}${keyword} ${last.join(' ')} ${word}`.length
    if (last === undefined || width > WIDTH || last.length >= WORDS) lines.push([word])
    else last.push(word)
  }
  return lines.map((line) => `${indent}${keyword} ${line.join(' ')}`)
}
