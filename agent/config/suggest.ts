/**
 * The candidate that is closest to `word` by edit distance, when close enough to be a slip of the keyboard. Never `word`
 * itself: whoever asks was told that it is wrong.
 * @param most edits at most; by default two, one for words of three characters, a third of long ones
 */
export function suggest(word: string, candidates: Iterable<string>, most?: number): string | undefined {
  let best: string | undefined
  let bestDistance = (most ?? limit(word)) + 1
  for (const candidate of candidates) {
    if (candidate === word) continue
    // Words that differ by more characters than that are not worth the table.
    if (Math.abs(candidate.length - word.length) >= bestDistance) continue
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase())
    if (distance < bestDistance) {
      best = candidate
      bestDistance = distance
    }
  }
  return best ?? (most === undefined ? abbreviated(word, candidates) : undefined)
}

/** `aud` for `audience`, `warning` for `warn`. */
function abbreviated(word: string, candidates: Iterable<string>): string | undefined {
  const found = [...candidates].filter((candidate) => {
    const [short = '', long = ''] = [word, candidate].toSorted((a, b) => a.length - b.length)
    return short.length >= 3 && long !== short && long.toLowerCase().startsWith(short.toLowerCase())
  })
  return found.length === 1 ? found[0] : undefined
}

function limit({ length }: string): number {
  return length <= 3 ? 1 : Math.max(2, Math.floor(length / 3))
}

/** Levenshtein distance with adjacent transpositions, two rows at a time. */
function editDistance(a: string, b: string): number {
  let beforePrevious: number[] = []
  let previous = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const current = [i]
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1
      let best = Math.min((previous[j] ?? 0) + 1, (current[j - 1] ?? 0) + 1, (previous[j - 1] ?? 0) + cost)
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        best = Math.min(best, (beforePrevious[j - 2] ?? 0) + 1)
      }
      current.push(best)
    }
    beforePrevious = previous
    previous = current
  }
  return previous[b.length] ?? 0
}
