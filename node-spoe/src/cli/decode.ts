import { parseArgs } from 'node:util'
import { decodeByteStream } from './byte-stream.ts'
import { type CaptureSummary, decodeCapture } from './capture.ts'
import { FORMATS, type Format, detectFormat, openInput, readHex } from './input.ts'
import { JsonPrinter } from './json-printer.ts'
import { TextOutput } from './output.ts'
import type { Printer } from './records.ts'
import { TreePrinter } from './tree-printer.ts'
import { UsageError } from './usage-error.ts'

export const DECODE_HELP = `Usage: node-spoe decode [FILE | - | HEX...] [--json] [--port N] [--from hex|binary|pcap]

Prints SPOP frames as a tree. Reads a file, standard input (-, or nothing), or hex given as arguments:

  node-spoe decode 00000007 67 00000001 01 01
  xxd frame.bin | node-spoe decode
  tcpdump -i lo -U -w - port 9000 | node-spoe decode -
  node-spoe decode --json capture.pcapng | jq 'select(.type == "ACK") | .latencyMs'

  --from FORMAT  hex (also of xxd, hexdump -C, tcpdump -x), binary (the bytes of one direction), or pcap (or pcapng:
                 Ethernet, VLAN, Linux cooked, loopback, raw IP). By default the first bytes decide.
  --port N       captures: only connections of this TCP port, and everything in them is SPOP. Without it every
                 connection is shown from where it begins to look like SPOP.
  --json         one JSON object a line: kind "frame", "broken" (no frame there) or "note" (bytes that are missing).

Exit codes: 0 right, 1 malformed or no frames, 2 usage.
`

const OPTIONS = {
  json: { type: 'boolean' },
  port: { type: 'string' },
  from: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const

/** Streams of the process; a test has its own. */
export interface Streams {
  readonly stdin: AsyncIterable<Uint8Array> & { readonly isTTY?: boolean }
  readonly stdout: NodeJS.WritableStream & ConstructorParameters<typeof TextOutput>[0]
  readonly stderr: { write(text: string): unknown }
}

/**
 * `node-spoe decode`. Returns the exit code.
 *
 * @throws UsageError; SpopError ERR_SPOP_HEX and ERR_SPOP_CAPTURE; errors of the system as they are
 */
export async function decodeCommand(args: readonly string[], streams: Streams): Promise<number> {
  const { values, positionals } = readArguments(args)
  const { json, port, from, help } = values
  if (help === true) {
    streams.stdout.write(DECODE_HELP)
    return 0
  }
  const portNumber = port === undefined ? undefined : readPort(port)
  if (from !== undefined && !isFormat(from)) throw new UsageError(`--from ${from} is none of ${FORMATS.join(', ')}`)
  const input = openInput(positionals, streams.stdin)
  const output = new TextOutput(streams.stdout)
  const printer = new CountingPrinter(json === true ? new JsonPrinter(output.write) : new TreePrinter(output.write))
  try {
    const format = from ?? input.format ?? (await detectFormat(input.source))
    if (format === 'pcap') {
      const summary = await decodeCapture(input.source, printer, portNumber, output.flush)
      streams.stderr.write(summaryText(summary))
    } else {
      if (portNumber !== undefined) throw new UsageError(`--port is for captures, and this is ${format}`)
      const bytes = format === 'hex' ? await readHex(input.source) : input.source
      await decodeByteStream(bytes, printer, output.flush)
      // Nothing else can follow in one stream, so a frame without its end is a wrong one.
      if (printer.unfinished > 0) printer.malformed++
    }
  } finally {
    await output.end()
  }
  if (printer.frames === 0 && printer.malformed === 0) streams.stderr.write('node-spoe: no SPOP frame found\n')
  return printer.frames === 0 || printer.malformed > 0 ? 1 : 0
}

function readArguments(
  args: readonly string[],
): ReturnType<typeof parseArgs<{ options: typeof OPTIONS; allowPositionals: true }>> {
  try {
    return parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true })
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error))
  }
}

function readPort(text: string): number {
  const port = Number(text)
  if (!/^\d{1,5}$/.test(text) || port === 0 || port > 65_535) throw new UsageError(`--port ${text} is no TCP port`)
  return port
}

function isFormat(text: string): text is Format {
  return (FORMATS as readonly string[]).includes(text)
}

function summaryText(summary: CaptureSummary): string {
  const { frames, connections, otherConnections, otherPackets, unknownLinks } = summary
  const parts = [`${frames} frames in ${connections} connections`]
  if (otherConnections > 0) parts.push(`${otherConnections} other connections`)
  if (otherPackets > 0) parts.push(`${otherPackets} other packets`)
  if (unknownLinks.size > 0) parts.push(`link types that are not understood: ${[...unknownLinks].join(', ')}`)
  return `node-spoe: ${parts.join('; ')}\n`
}

/** Passes everything on and remembers what the exit code depends on. */
class CountingPrinter implements Printer {
  readonly #printer: Printer
  frames = 0
  malformed = 0
  unfinished = 0

  constructor(printer: Printer) {
    this.#printer = printer
  }

  frame(record: Parameters<Printer['frame']>[0]): void {
    this.frames++
    if (record.inspection.error !== undefined || record.reassembled instanceof Error) this.malformed++
    this.#printer.frame(record)
  }

  broken(record: Parameters<Printer['broken']>[0]): void {
    this.malformed++
    this.#printer.broken(record)
  }

  note(record: Parameters<Printer['note']>[0]): void {
    if (record.note === 'unfinished') this.unfinished++
    this.#printer.note(record)
  }
}
