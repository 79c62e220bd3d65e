import { withAdditions } from './add.ts'
import { additionsDiff } from './diff.ts'
import type { Finding } from './finding.ts'

/** The two files that may be mended. */
export interface Texts {
  readonly haproxy: string
  readonly spoe: string
}

/** A file that is other than it was. */
export interface FileChange {
  readonly file: string
  readonly text: string
  /** Unified diff. */
  readonly diff: string
  /** How many findings are gone by it. */
  readonly findings: number
}

/** What one addition brings to light, another one mends: an `id` needs a format. More rounds than that are a defect. */
const ROUNDS = 5

/**
 * What the files would be with everything mended that is safe to mend. Lines are added, none is changed or removed.
 * @param find what is wrong with the texts
 */
export function fixed(
  files: Readonly<Record<keyof Texts, string>>,
  before: Texts,
  find: (texts: Texts) => readonly Finding[],
): FileChange[] {
  let now = before
  const mended = { haproxy: 0, spoe: 0 }
  for (let round = 0; round < ROUNDS; round++) {
    const additions = find(now).flatMap(({ addition }) => addition ?? [])
    if (additions.length === 0) break
    const of = (name: keyof Texts): string => {
      const own = additions.filter(({ file }) => file === files[name])
      mended[name] += own.length
      return withAdditions(now[name], own)
    }
    now = { haproxy: of('haproxy'), spoe: of('spoe') }
  }
  return (['haproxy', 'spoe'] as const)
    .filter((name) => now[name] !== before[name])
    .map((name) => ({
      file: files[name],
      text: now[name],
      diff: additionsDiff(files[name], before[name], now[name]),
      findings: mended[name],
    }))
}
