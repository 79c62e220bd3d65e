import { type HaproxyFile, inheritedLines, linesOf, type Section } from './haproxy-file.ts'
import type { KnownVariables } from './known-variables.ts'
import { judge } from './rule-conditions.ts'

/** Where a request goes that nothing stops: to backends, to the servers of the proxy itself, or nowhere. */
export function waysOut(
  { haproxy, routes }: { readonly haproxy: HaproxyFile; readonly routes: readonly string[] },
  proxy: Section,
  variables: KnownVariables,
): Section[] {
  const names: string[] = []
  let goesOn = true
  for (const line of linesOf(proxy, 'use_backend')) {
    const { truth } = judge(proxy, line, variables)
    const name = line.words[1]?.text ?? ''
    if (truth === false) continue
    const isLookedUp = name.includes('%[')
    // A name that leads nowhere falls back to the default.
    names.push(...(!isLookedUp ? [name] : ROUTE.test(name) ? routes : []))
    if (truth === true && !isLookedUp) {
      goesOn = false
      break
    }
  }
  const byDefault = goesOn ? inheritedLines(haproxy, proxy, 'default_backend').at(-1)?.words[1]?.text : undefined
  if (byDefault !== undefined) names.push(byDefault)
  const backends = haproxy.sectionsOf('backend', 'listen').filter(({ name }) => names.includes(name))
  const own = goesOn && byDefault === undefined && proxy.kind === 'listen' ? [proxy] : []
  return [...own, ...backends].filter(hasServers)
}

const ROUTE = /\bvar\(txn\.temporal\.route[,)]/

/** Without a server HAProxy answers 503. */
function hasServers({ lines }: Section): boolean {
  return lines.some(({ words: [first, second] }) => {
    if (first?.text === 'option') return /^(?:transparent|http_proxy)$/.test(second?.text ?? '')
    return /^(?:server|server-template|dispatch)$/.test(first?.text ?? '')
  })
}
