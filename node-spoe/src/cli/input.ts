import { type Stats, createReadStream, statSync } from 'node:fs'
import { ByteSource } from './byte-source.ts'
import { parseHex } from './hex.ts'
import { isPcap } from './pcap.ts'
import { isPcapng } from './pcapng.ts'
import { UsageError } from './usage-error.ts'

/** Forms of input; `pcap` stands for pcapng too. */
export const FORMATS = ['hex', 'binary', 'pcap'] as const
export type Format = (typeof FORMATS)[number]

/** Digits as arguments: pairs of them, together or apart. */
const HEX_ARGUMENT = /^(?:0x|\\x|[0-9a-f]{2}|[,:\s])+$/i
/** What tells text from bytes; a frame begins with a zero. */
const SNIFFED_BYTES = 512
const TEXT = /^[\t\r\n -~]*$/

/** Where the bytes come from: a file, standard input, or the arguments themselves. */
export function openInput(
  args: readonly string[],
  stdin: AsyncIterable<Uint8Array> & { readonly isTTY?: boolean },
): { readonly source: ByteSource; readonly format: Format | undefined } {
  const [first] = args
  if (first === undefined && stdin.isTTY === true) throw new UsageError('what shall be decoded? Give a file, - or hex')
  if (first === undefined || (first === '-' && args.length === 1)) return fromBytes(stdin)
  if (args.length === 1 && isFile(first)) return fromBytes(createReadStream(first, { highWaterMark: 256 * 1024 }))
  if (!args.every((arg) => HEX_ARGUMENT.test(arg))) {
    const wrong = args.find((arg) => !HEX_ARGUMENT.test(arg))
    throw new UsageError(`${JSON.stringify(wrong)} is neither a file nor hex`)
  }
  return { source: new ByteSource(once(Buffer.from(args.join(' ')))), format: 'hex' }
}

function fromBytes(stream: AsyncIterable<Uint8Array>): { source: ByteSource; format: undefined } {
  return { source: new ByteSource(stream), format: undefined }
}

function isFile(path: string): boolean {
  let stat: Stats | undefined
  try {
    stat = statSync(path, { throwIfNoEntry: false })
  } catch (error) {
    // Hex of a whole frame is longer than any name may be.
    if ((error as NodeJS.ErrnoException).code === 'ENAMETOOLONG') return false
    throw error
  }
  if (stat?.isDirectory() === true) throw new UsageError(`${path} is a directory`)
  return stat !== undefined
}

/** What the input is, by its first bytes. */
export async function detectFormat(source: ByteSource): Promise<Format> {
  const start = await source.peek(4)
  if (isPcap(start) || isPcapng(start)) return 'pcap'
  return TEXT.test((await source.peek(SNIFFED_BYTES)).toString('latin1')) ? 'hex' : 'binary'
}

/** @throws SpopError ERR_SPOP_HEX */
export async function readHex(source: ByteSource): Promise<ByteSource> {
  const parts: Buffer[] = []
  for (;;) {
    const part = await source.next()
    if (part.length === 0) break
    parts.push(part)
  }
  return new ByteSource(once(parseHex(Buffer.concat(parts).toString('latin1'))))
}

async function* once(bytes: Buffer): AsyncGenerator<Uint8Array> {
  yield bytes
}
