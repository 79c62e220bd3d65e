/**
 * Whether the whole text fits a pattern in which `*` stands for any characters, none included, and everything else for
 * itself. Each piece is looked for once, from left to right: there is nothing to go back to, so the time is linear in
 * the text for a given pattern whatever both hold, unlike that of a regular expression.
 */
export function fitsGlob(text: string, pattern: string): boolean {
  const pieces = pattern.split('*')
  const first = pieces[0] ?? ''
  const last = pieces.at(-1) ?? ''
  if (pieces.length === 1) return text === pattern
  if (text.length < first.length + last.length || !text.startsWith(first) || !text.endsWith(last)) return false
  const end = text.length - last.length
  let from = first.length
  for (const piece of pieces.slice(1, -1)) {
    const at = text.indexOf(piece, from)
    if (at < 0 || at + piece.length > end) return false
    from = at + piece.length
  }
  return true
}
