import type { ByteSource } from './byte-source.ts'
import { CapturedConnection, type Numbering } from './connection.ts'
import { ipPacket, isKnownLink } from './link.ts'
import { type Packet, readPcap } from './pcap.ts'
import { isPcapng, readPcapng } from './pcapng.ts'
import type { Printer } from './records.ts'
import { type Segment, readSegment } from './tcp-segment.ts'

/** What was in a capture beside the frames that were printed. */
export interface CaptureSummary {
  frames: number
  connections: number
  /** TCP connections in which no frame was found. */
  otherConnections: number
  /** Packets that are not TCP over IP, or not of the port asked for. */
  otherPackets: number
  /** Link types that are not understood, by their number. */
  readonly unknownLinks: Set<number>
}

/** Connections followed at once; beyond that the one that was quiet the longest is given up. */
const MAX_CONNECTIONS = 4096
/** Bytes kept for unfinished frames and missing segments, in all of them. */
const MAX_HELD_BYTES = 64 * 1024 * 1024

/**
 * Reads a pcap or pcapng and prints the frames of its TCP connections. A hostile capture can make it keep neither more
 * connections nor more bytes than the bounds above.
 *
 * @param port looks only at connections of this port, and takes every byte of them for SPOP
 * @throws SpopError ERR_SPOP_CAPTURE, after all that was before the fault has been printed
 */
export async function decodeCapture(
  source: ByteSource,
  printer: Printer,
  port: number | undefined,
  afterPacket: () => Promise<void> | undefined,
): Promise<CaptureSummary> {
  const connections = new ConnectionTable(printer, port !== undefined)
  const { summary } = connections
  const packets = isPcapng(await source.peek(4)) ? readPcapng(source) : readPcap(source)
  try {
    for await (const packet of packets) {
      const segment = segmentOf(packet, summary)
      if (segment === undefined || (port !== undefined && !hasPort(segment, port))) summary.otherPackets++
      else connections.add(segment, packet.time)
      const waiting = afterPacket()
      if (waiting !== undefined) await waiting
    }
  } finally {
    connections.finish()
  }
  return summary
}

function segmentOf(packet: Packet, summary: CaptureSummary): Segment | undefined {
  if (!isKnownLink(packet.linkType)) {
    summary.unknownLinks.add(packet.linkType)
    return undefined
  }
  const ip = ipPacket(packet.linkType, packet.data)
  return ip === undefined ? undefined : readSegment(ip)
}

function hasPort(segment: Segment, port: number): boolean {
  return segment.sourcePort === port || segment.destinationPort === port
}

class ConnectionTable {
  readonly summary: CaptureSummary & Numbering = {
    frames: 0,
    connections: 0,
    otherConnections: 0,
    otherPackets: 0,
    unknownLinks: new Set(),
  }
  readonly #printer: Printer
  readonly #certain: boolean
  /** The one that was quiet the longest first. */
  readonly #connections = new Map<string, CapturedConnection>()
  #held = 0

  constructor(printer: Printer, certain: boolean) {
    this.#printer = printer
    this.#certain = certain
  }

  add(segment: Segment, time: bigint | undefined): void {
    const { source, destination } = segment
    const key = source < destination ? `${source} ${destination}` : `${destination} ${source}`
    // A SYN without ACK begins a connection, whatever the ports were used for before.
    if (segment.syn && segment.acknowledged === undefined && !this.#connections.get(key)?.hasBegunWith(segment)) {
      this.#forget(key)
    }
    let connection = this.#connections.get(key)
    if (connection === undefined) {
      connection = new CapturedConnection(this.#printer, this.summary, this.#certain, [source, destination])
    } else {
      this.#held -= connection.held
      this.#connections.delete(key)
    }
    connection.add(segment, time)
    this.#held += connection.held
    this.#connections.set(key, connection)
    if (segment.rst) this.#forget(key)
    while (this.#connections.size > MAX_CONNECTIONS || this.#held > MAX_HELD_BYTES) {
      this.#forget(this.#connections.keys().next().value!)
    }
  }

  finish(): void {
    for (const key of this.#connections.keys()) this.#forget(key)
  }

  #forget(key: string): void {
    const connection = this.#connections.get(key)
    if (connection === undefined) return
    this.#held -= connection.held
    this.#connections.delete(key)
    connection.finish()
    if (connection.isOther) this.summary.otherConnections++
  }
}
