import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from '../../agent/dev/tools.ts'
import { docsPage } from './docs.ts'
import { type Edge, type EdgeOptions, type HaproxyVersion, NO_TEMPORAL, startEdge } from './edge.ts'
import { newFolder, removeFolder } from './folder.ts'
import { type ConfigFiles, shipped } from './shipped-files.ts'

/** Pages below docs/recipes, but the list of them. */
export const RECIPES = readdirSync(join(ROOT, 'docs/recipes'))
  .filter((name) => name.endsWith('.md') && name !== 'README.md')
  .map((name) => name.slice(0, -3))

/**
 * A code block of a recipe tells in its first line where it goes:
 *
 * - `# canary.map`: this is the whole file
 * - `# haproxy.cfg, above: acl allowed`: into the shipped file, above the line that begins so
 * - `# haproxy.cfg, below: …`: below it
 * - `# spoe.conf, below each: …`: below every line that begins so; there may be several
 * - `# haproxy.cfg, instead of: …`: in the place of that line; `instead of all: …`: of those lines; `instead of
 *   the section: …`: of that line and the indented ones below it
 * - `# haproxy.cfg, at the end`
 *
 * `# haproxy.cfg (httplog), …` is a variant: only who asks for it gets it. Blocks without such a line are only read.
 */
const HEAD =
  /^# ([\w-]+\.\w+)(?: \((\w+)\))?(?:, (above|below each|below|instead of all|instead of the section|instead of|at the end)(?:: (.+))?)?$/

const SHIPPED = ['agent.yaml', 'haproxy.cfg', 'spoe.conf'] as const

/** All files of a recipe by name, as its page says; those of the three that it leaves alone are the shipped ones. */
export function recipeFiles(name: string, variant?: string): Record<string, string> {
  const files: Record<string, string> = Object.fromEntries(SHIPPED.map((file) => [file, shipped(file)]))
  for (const [, block = ''] of docsPage(`recipes/${name}.md`).matchAll(/^```\w+\n(.*?)^```$/gms)) {
    const [head = '', ...lines] = block.trimEnd().split('\n')
    const [, file, only, where, anchor] = HEAD.exec(head) ?? []
    if (file === undefined || (only !== undefined && only !== variant)) continue
    files[file] = where === undefined ? block : placed(files[file] ?? '', lines, where, anchor)
  }
  return files
}

function placed(text: string, lines: readonly string[], where: string, anchor: string | undefined): string {
  if (where === 'at the end') return `${text}\n${lines.join('\n')}\n`
  const all = text.split('\n')
  const hits = all.flatMap((line, i) => (anchor !== undefined && line.trimStart().startsWith(anchor) ? [i] : []))
  const several = where === 'below each' || where === 'instead of all'
  if (several ? hits.length < 2 : hits.length !== 1) {
    throw new Error(`${hits.length} lines begin with "${anchor}", and the page says "${where}"`)
  }
  const [first = -1] = hits
  if (where === 'instead of the section') {
    for (let i = first + 1; all[i]?.startsWith(' ') === true; i++) hits.push(i)
  }
  return all
    .flatMap((line, i) => {
      if (!hits.includes(i)) return [line]
      const indent = /^ */.exec(line)?.[0] ?? ''
      const ours = lines.map((one) => (one === '' ? one : indent + one))
      if (where === 'above') return [...ours, line]
      if (where.startsWith('below')) return [line, ...ours]
      return i === first ? ours : []
    })
    .join('\n')
}

/** Writes all files of a recipe into a folder. */
export function writeRecipe(folder: string, name: string, variant?: string): ConfigFiles {
  mkdirSync(folder, { recursive: true })
  for (const [file, text] of Object.entries(recipeFiles(name, variant))) writeFileSync(join(folder, file), text)
  const path = (file: string): string => join(folder, file)
  return { config: path('agent.yaml'), haproxy: path('haproxy.cfg'), spoe: path('spoe.conf') }
}

export interface Recipe extends Edge {
  readonly files: ConfigFiles
}

/** A recipe as its page says, its map files at ${MAPS}, on a real HAProxy with a real agent, without a Temporal that could take its events. */
export async function startRecipe(
  version: HaproxyVersion,
  name: string,
  { variant, ...options }: EdgeOptions & { readonly variant?: string } = {},
): Promise<Recipe> {
  const folder = newFolder()
  try {
    const files = writeRecipe(folder, name, variant)
    const edge = await startEdge(version, {
      ...files,
      temporalAddress: NO_TEMPORAL,
      worker: false,
      ...options,
      env: { MAPS: folder, ...options.env },
    })
    const stop = async (): Promise<void> => {
      await edge.stop()
      removeFolder(folder)
    }
    return { ...edge, files, stop }
  } catch (error) {
    removeFolder(folder)
    throw error
  }
}
