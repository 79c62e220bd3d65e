/** Text of 4 bytes: `192.0.2.10`. */
export function formatIpv4(buffer: Uint8Array, start: number): string {
  return `${buffer[start]}.${buffer[start + 1]}.${buffer[start + 2]}.${buffer[start + 3]}`
}

/**
 * Text of 16 bytes in the canonical form of RFC 5952. An IPv4-mapped address becomes plain IPv4: HAProxy sends an IPv4
 * client of a `v4v6` listener as `::ffff:a.b.c.d`, and a rule about 192.0.2.10 must see it either way.
 */
export function formatIpv6(buffer: Uint8Array, start: number): string {
  return isMapped(buffer, start) ? formatIpv4(buffer, start + 12) : formatGroups(buffer, start)
}

/** The same, but an IPv4-mapped address stays IPv6: `::ffff:192.0.2.10` (RFC 5952 5). */
export function formatIpv6Exact(buffer: Uint8Array, start: number): string {
  return isMapped(buffer, start) ? `::ffff:${formatIpv4(buffer, start + 12)}` : formatGroups(buffer, start)
}

function formatGroups(buffer: Uint8Array, start: number): string {
  let zerosAt = -1
  let zeros = 1 // a single zero group is not shortened (RFC 5952 4.2.2)
  for (let i = 0; i < 8; i++) {
    let run = i
    while (run < 8 && group(buffer, start, run) === 0) run++
    if (run - i > zeros) {
      zerosAt = i
      zeros = run - i
    }
    if (run > i) i = run - 1
  }
  let text = ''
  for (let i = 0; i < 8; i++) {
    if (i === zerosAt) {
      text += '::'
      i += zeros - 1
    } else {
      text += (text === '' || text.endsWith(':') ? '' : ':') + group(buffer, start, i).toString(16)
    }
  }
  return text
}

function group(buffer: Uint8Array, start: number, index: number): number {
  return (buffer[start + index * 2]! << 8) | buffer[start + index * 2 + 1]!
}

function isMapped(buffer: Uint8Array, start: number): boolean {
  for (let i = 0; i < 10; i++) if (buffer[start + i] !== 0) return false
  return buffer[start + 10] === 0xff && buffer[start + 11] === 0xff
}

/** Bytes of an address, 4 or 16 of them, or undefined if `text` is none. Zone ids (`%eth0`) are refused. */
export function parseIp(text: string): Uint8Array | undefined {
  return text.includes(':') ? parseIpv6(text) : parseIpv4(text)
}

function parseIpv4(text: string): Uint8Array | undefined {
  const parts = text.split('.')
  if (parts.length !== 4) return undefined
  // Leading zeros are refused: some readers take them for octal.
  if (!parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) < 256)) return undefined
  return Uint8Array.from(parts, Number)
}

function parseIpv6(text: string): Uint8Array | undefined {
  if (text.length > 45) return undefined
  const halves = text.split('::')
  if (halves.length > 2) return undefined
  const head = groupsOf(halves[0]!, halves.length === 1)
  const tail = halves.length === 2 ? groupsOf(halves[1]!, true) : []
  if (head === undefined || tail === undefined) return undefined
  const missing = 8 - head.length - tail.length
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined
  const groups = [...head, ...Array.from({ length: missing }, () => 0), ...tail]
  return Uint8Array.from(groups.flatMap((value) => [value >> 8, value & 255]))
}

/** Groups of one side of `::`; dotted IPv4 may stand only at the very end of the address. */
function groupsOf(text: string, atEnd: boolean): number[] | undefined {
  if (text === '') return []
  const groups: number[] = []
  const parts = text.split(':')
  for (const [i, part] of parts.entries()) {
    if (/^[0-9a-fA-F]{1,4}$/.test(part)) {
      groups.push(Number.parseInt(part, 16))
      continue
    }
    const v4 = atEnd && i === parts.length - 1 ? parseIpv4(part) : undefined
    if (v4 === undefined) return undefined
    groups.push((v4[0]! << 8) | v4[1]!, (v4[2]! << 8) | v4[3]!)
  }
  return groups
}
