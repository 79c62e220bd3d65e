/** Unchanged lines around a change. */
const CONTEXT = 3

/**
 * A unified diff between a text and the same text with lines added to it, as `patch` takes it.
 * @returns `''` when nothing was added
 */
export function additionsDiff(file: string, before: string, after: string): string {
  const [old, added] = [before.split('\n'), after.split('\n')]
  // Texts that end with a line break have an empty piece behind it, which is no line.
  if (old.at(-1) === '' && added.at(-1) === '') {
    old.pop()
    added.pop()
  }
  const changes: { readonly text: string; readonly isNew: boolean }[] = []
  let at = 0
  for (const text of added) {
    const isNew = text !== old[at]
    if (!isNew) at++
    changes.push({ text, isNew })
  }
  const near = changes.map((_, i) =>
    changes.slice(Math.max(0, i - CONTEXT), i + CONTEXT + 1).some(({ isNew }) => isNew),
  )
  const hunks: string[] = []
  let [oldLine, newLine] = [1, 1]
  for (let i = 0; i < changes.length;) {
    let end = i
    while (near[end] === true) end++
    const hunk = changes.slice(i, end)
    if (hunk.length > 0) {
      const kept = hunk.filter(({ isNew }) => !isNew).length
      const place = `@@ -${kept === 0 ? oldLine - 1 : oldLine},${kept} +${newLine},${hunk.length} @@`
      hunks.push([place, ...hunk.map(({ text, isNew }) => (isNew ? '+' : ' ') + text)].join('\n'))
      oldLine += kept
      newLine += hunk.length
    }
    if (end < changes.length) {
      oldLine++
      newLine++
    }
    i = end + 1
  }
  return hunks.length === 0 ? '' : `--- ${file}\n+++ ${file}\n${hunks.join('\n')}\n`
}
