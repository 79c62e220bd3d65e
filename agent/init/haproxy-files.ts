import type { Answers } from './answers.ts'

/** haproxy.cfg for these answers: the shipped one, less what belongs to the rules of the example. */
export function haproxyConfig(shipped: string, { open, upstream }: Answers): string {
  let text = shipped
  const replace = (from: RegExp, to: string): void => {
    if (!from.test(text)) throw new TypeError(`the shipped haproxy.cfg has no ${String(from)}`)
    text = text.replace(from, () => to)
  }
  replace(
    /^# haproxy-temporal: the working example\..*\n/,
    '# HAProxy with haproxy-temporal, written by "haproxy-temporal init".\n',
  )
  replace(/^ *presetenv ORDERS_SERVER .*\n/m, '')
  replace(/^ *http-request set-header X-Identity-Plan .*\n/m, '')
  replace(/\nbackend orders\n(?: .*\n)*/, '')
  replace(/^ *acl public_path .*\n(?: *acl public_path .*\n)*/m, publicPaths(open))
  if (upstream !== undefined) replace(/^( *presetenv APP_SERVER +)\S+$/m, `    presetenv APP_SERVER    ${upstream}`)
  return text
}

/** Lines for what may pass while the agent is silent: of plain paths only, since patterns mean other things here. */
function publicPaths(open: readonly string[]): string {
  const lines = open.flatMap((path) => {
    if (/^\/[A-Za-z0-9/_.~-]*$/.test(path)) return [`path ${path}`]
    const below = /^(\/(?:[A-Za-z0-9/_.~-]+\/)?)\*\*$/.exec(path)?.[1]
    if (below === undefined) return []
    return below === '/' ? ['path_beg /'] : [`path ${below.slice(0, -1)}`, `path_beg ${below}`]
  })
  const all = lines.length === 0 ? ['always_false'] : lines
  return all.map((line) => `    acl public_path ${line}\n`).join('')
}
