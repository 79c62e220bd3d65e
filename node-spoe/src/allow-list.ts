import { BlockList, isIP } from 'node:net'
import { SpopError } from './errors.ts'

/** Says whether a peer's address may connect. */
export type AllowList = (address: string | undefined) => boolean

/**
 * Compiles addresses and networks (`192.0.2.7`, `10.0.0.0/8`, `2001:db8::/32`). An IPv4-mapped address counts as IPv4.
 *
 * @throws SpopError ERR_SPOP_ALLOW
 */
export function compileAllowList(entries: readonly string[]): AllowList {
  const list = new BlockList()
  for (const entry of entries) add(list, entry)
  return (address) => {
    if (address === undefined) return false
    const plain = address.replace(/^::ffff:(?=\d+\.)/i, '')
    return list.check(plain, isIP(plain) === 6 ? 'ipv6' : 'ipv4')
  }
}

function add(list: BlockList, entry: string): void {
  const [address = '', prefix, ...rest] = entry.split('/')
  const family = isIP(address)
  const bits = prefix === undefined ? (family === 6 ? 128 : 32) : /^\d{1,3}$/.test(prefix) ? Number(prefix) : Number.NaN
  if (family === 0 || rest.length > 0 || !(bits <= (family === 6 ? 128 : 32))) {
    throw new SpopError('ERR_SPOP_ALLOW', entry)
  }
  list.addSubnet(address, bits, family === 6 ? 'ipv6' : 'ipv4')
}
