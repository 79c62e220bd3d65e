import { isIPv6 } from 'node:net'
import { SpopError } from './errors.ts'

/** What an address names. `fds`: sockets handed over by systemd, all of them or those of one name. */
export type Target =
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'systemd'; readonly name: string | undefined }

/**
 * `tcp://host:port`, `tcp://[ipv6]:port`, `unix:///path`, `systemd:` or `systemd:name`.
 *
 * @throws SpopError ERR_SPOP_ADDRESS
 */
export function parseAddress(address: string): Target {
  const unix = /^unix:\/\/(\/.+)$/.exec(address)
  if (unix !== null) return { kind: 'unix', path: unix[1]! }
  const systemd = /^systemd:([^/:]*)$/.exec(address)
  if (systemd !== null) return { kind: 'systemd', name: systemd[1] === '' ? undefined : systemd[1] }
  const tcp = /^tcp:\/\/(?:\[([0-9A-Fa-f:.%\w]+)\]|([^:/[\]]+)):(\d{1,5})$/.exec(address)
  const port = Number(tcp?.[3])
  if (tcp === null || port > 65_535) throw new SpopError('ERR_SPOP_ADDRESS', address)
  return { kind: 'tcp', host: (tcp[1] ?? tcp[2])!, port }
}

/** The address a TCP socket is bound to, in the form {@link parseAddress} reads. */
export function formatTcp(host: string, port: number): string {
  return `tcp://${isIPv6(host) ? `[${host}]` : host}:${port}`
}
