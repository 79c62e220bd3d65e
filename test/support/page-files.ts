import { codeBlock, codeBlocks, replaced } from './docs.ts'
import { type ConfigFiles, shipped, withArguments } from './shipped-files.ts'

/** Lines of the frontend before which pages have their own put. */
export const PLACES = {
  /** Headers for the servers behind: those of clients are gone. */
  identity: '    http-request set-header X-Forwarded-Proto  https\n',
  /** Above the first `http-request return`. */
  answers: '    # What may pass without an answer of the agent',
} as const

/**
 * Texts of the three files: those that are shipped, with what a part of the documentation adds to them. Its blocks are
 * `yaml` (all of agent.yaml), `spoe` (arguments of both messages `check`, and names of variables), `haproxy` (lines of the
 * frontend) and `haproxy-backend`.
 */
export function filesOfPage(part: string, place: keyof typeof PLACES): ConfigFiles {
  const lines = codeBlocks(part, 'spoe').flatMap((block) => block.trim().split('\n'))
  let spoe = shipped('spoe.conf')
  for (const line of lines.map((text) => text.trim())) {
    spoe = line.startsWith('args ')
      ? withArguments(spoe, line)
      : replaced(spoe, /^ *register-var-names /m, `    ${line}\n    register-var-names `)
  }
  const anchor = PLACES[place]
  const rules = codeBlocks(part, 'haproxy').join('')
  let haproxy = shipped('haproxy.cfg')
  if (rules !== '') haproxy = replaced(haproxy, anchor, `${rules}${anchor}`)
  for (const backend of codeBlocks(part, 'haproxy-backend')) haproxy += `\n${backend}`
  return { config: codeBlock(part, 'yaml'), haproxy, spoe }
}
