import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from '../../agent/dev/tools.ts'

/** The text of a page below docs/. */
export function docsPage(name: string): string {
  return readFileSync(join(ROOT, 'docs', name), 'utf8')
}

/** What stands below a heading of the second level; nothing when there is none of that title. */
export function docsSection(page: string, title: string): string {
  return page.split(/^## /m).find((text) => text.startsWith(`${title}\n`)) ?? ''
}

/** What GitHub makes of a heading, with its marks or without, for links to it. */
export function anchorOf(heading: string): string {
  return heading
    .replace(/^#+ /, '')
    .toLowerCase()
    .replaceAll(/[^\w\- ]/g, '')
    .replaceAll(' ', '-')
}

/** What stands below the heading with that anchor, deeper headings included. */
export function sectionAt(page: string, anchor: string): string {
  const found: string[] = []
  let level = 0
  let fenced = false
  for (const line of page.split('\n')) {
    if (/^ *```/.test(line)) fenced = !fenced
    const [marks = ''] = (fenced ? null : /^#+(?= )/.exec(line)) ?? []
    if (level > 0 && marks !== '' && marks.length <= level) break
    if (level > 0) found.push(line)
    else if (marks !== '' && anchorOf(line) === anchor) level = marks.length
  }
  if (level === 0) throw new Error(`the page has no heading #${anchor}`)
  return found.join('\n')
}

/** The code blocks of a language (`''`: of none), in their order, as readers copy them. Indented ones keep their indent. */
export function codeBlocks(page: string, language: string): string[] {
  const found: string[] = []
  let open: { readonly language: string; readonly lines: string[] } | undefined
  for (const line of page.split('\n')) {
    const [, word] = /^ *```(.*)$/.exec(line) ?? []
    if (word === undefined) open?.lines.push(line)
    else if (open === undefined) open = { language: word, lines: [] }
    else {
      if (open.language === language) found.push(open.lines.map((text) => `${text}\n`).join(''))
      open = undefined
    }
  }
  return found
}

/** The first of them, which must be there. */
export function codeBlock(page: string, language: string): string {
  const [first] = codeBlocks(page, language)
  if (first === undefined) throw new Error(`the page has no block "${language}"`)
  return first
}

/** A text with something replaced that must be there. */
export function replaced(text: string, from: string | RegExp, to: string): string {
  const result = text.replace(from, () => to)
  if (result === text) throw new Error(`there is no ${String(from)}`)
  return result
}
