import { isIPv6 } from 'node:net'

/** Whether an IP address is of this machine alone: 127.0.0.0/8 and ::1, mapped or not. */
export function isLoopback(address: string): boolean {
  const plain = address.toLowerCase().replace(/^::ffff:(?=\d+\.)/, '')
  return isIPv6(plain) ? plain === '::1' : /^127(?:\.\d{1,3}){3}$/.test(plain)
}

/**
 * Whether a Host field names this machine. A page of some other site that was resolved to 127.0.0.1 (DNS rebinding) comes
 * with the name of that site.
 */
export function namesLoopback(host: string | undefined): boolean {
  const found = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9.-]+))(?::\d{1,5})?$/i.exec(host ?? '')
  const name = (found?.[1] ?? found?.[2] ?? '').toLowerCase()
  return name === 'localhost' || isLoopback(name)
}
