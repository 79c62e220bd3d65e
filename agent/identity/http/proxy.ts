import { BlockList, isIP } from 'node:net'

/** A proxy of our own, or the one that HTTPS_PROXY and NO_PROXY name. */
export type ProxySetting = URL | 'env'

/**
 * The proxy to go through, undefined for a direct connection. Plain http goes to this machine only and needs none, so
 * HTTP_PROXY is never read (a CGI environment lets strangers set it).
 */
export function proxyFor(
  url: URL,
  setting: ProxySetting | undefined,
  environment: NodeJS.ProcessEnv = process.env,
): URL | undefined {
  if (setting === undefined || url.protocol !== 'https:') return undefined
  if (setting !== 'env') return setting
  const text = environment['https_proxy'] || environment['HTTPS_PROXY']
  if (text === undefined || text === '') return undefined
  if (isExcepted(url, environment['no_proxy'] || environment['NO_PROXY'] || '')) return undefined
  return proxyUrl(text) ?? proxyUrl(`http://${text}`)
}

/** The URL if it can be that of a proxy: http or https, with nothing behind the port, userinfo allowed. */
export function proxyUrl(text: string): URL | undefined {
  const url = URL.parse(text)
  if (url === null || url.hostname === '' || (url.protocol !== 'http:' && url.protocol !== 'https:')) return undefined
  if (url.pathname !== '/' || url.search !== '' || url.hash !== '') return undefined
  try {
    decodeURIComponent(url.username + url.password)
  } catch {
    return undefined
  }
  return url
}

/**
 * Whether NO_PROXY names the host. There is no standard; this is what curl and Go agree on: `*`, names (with or without a
 * leading dot) for themselves and everything below, addresses, ranges such as 10.0.0.0/8, each with an optional port.
 */
function isExcepted(url: URL, list: string): boolean {
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const port = url.port === '' ? '443' : url.port
  return list.split(',').some((item) => {
    const entry = item.trim().toLowerCase()
    if (entry === '*') return true
    const [, name = '', its] = /^\[?(.*?)\]?(?::(\d+))?$/.exec(isIP(entry) === 6 ? `[${entry}]` : entry) ?? []
    if (name === '' || (its !== undefined && its !== port)) return false
    if (isIP(host) !== 0) return name === host || inRange(host, name)
    const bare = name.replace(/^\*?\./, '')
    return host === bare || host.endsWith(`.${bare}`)
  })
}

function inRange(address: string, range: string): boolean {
  const [base = '', bits = ''] = range.split('/', 2)
  const family = isIP(base)
  if (family === 0 || family !== isIP(address) || !/^\d{1,3}$/.test(bits)) return false
  if (Number(bits) > (family === 4 ? 32 : 128)) return false
  const type = family === 4 ? 'ipv4' : 'ipv6'
  const block = new BlockList()
  block.addSubnet(base, Number(bits), type)
  return block.check(address, type)
}
