/** Splits `tcp://host:port`; IPv6 hosts lose their brackets. The schema has checked the form. */
export function parseTcpAddress(address: string): { host: string; port: number } {
  const colon = address.lastIndexOf(':')
  const host = address.slice('tcp://'.length, colon).replace(/^\[|\]$/g, '')
  return { host, port: Number(address.slice(colon + 1)) }
}
