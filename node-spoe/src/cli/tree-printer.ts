import { SpopError } from '../errors.ts'
import type { Frame, Message, NamedValue, TypedValue } from '../protocol/index.ts'
import { statusMessage } from '../protocol/index.ts'
import { nameText, quoted } from './escape.ts'
import { dumpAround } from './hex-dump.ts'
import type { BrokenRecord, FrameRecord, NoteRecord, Place, Printer } from './records.ts'
import { milliseconds, timeText } from './time-text.ts'

const NOTES: Readonly<Record<NoteRecord['note'], string>> = {
  gap: 'are missing in the capture',
  skipped: 'skipped up to something that begins like a frame',
  unfinished: 'of a frame whose end did not come',
}

/** Widest first column. */
const MAX_COLUMN = 32

/** Frames as a tree of indented lines, for people. */
export class TreePrinter implements Printer {
  readonly #write: (text: string) => void

  constructor(write: (text: string) => void) {
    this.#write = write
  }

  frame(record: FrameRecord): void {
    const { frame, error, errorOffset } = record.inspection
    const lines = [`#${record.number}  ${placeText(record)}${frame === undefined ? 'frame' : headText(frame, record)}`]
    if (frame !== undefined) lines.push(...bodyLines(frame))
    const { reassembled, answers } = record
    if (answers !== undefined) {
      const latency = answers.latency === undefined ? '' : ` after ${milliseconds(answers.latency).toFixed(3)} ms`
      lines[0] += `, answers #${answers.number}${latency}`
    }
    if (reassembled instanceof SpopError) lines.push(`  error of the whole: ${errorText(reassembled)}`)
    else if (reassembled !== undefined) lines.push('  the whole', ...reassembled.flatMap(messageLines).map(indent))
    if (error !== undefined) {
      lines.push(`  error at byte ${errorOffset}: ${errorText(error)}`)
      lines.push(...dumpAround(record.bytes, errorOffset ?? 0).map((line) => `    ${line}`))
    }
    this.#write(`${lines.join('\n')}\n`)
  }

  broken(record: BrokenRecord): void {
    const dump = dumpAround(record.bytes, 0).map((line) => `    ${line}\n`)
    this.#write(`!!  ${placeText(record)}no frame\n  error at byte 0: ${errorText(record.error)}\n${dump.join('')}`)
  }

  note(record: NoteRecord): void {
    this.#write(`--  ${placeText(record)}${record.bytes} bytes ${NOTES[record.note]}\n`)
  }
}

function placeText({ path, offset, time }: Place): string {
  const when = time === undefined ? '' : `${timeText(time)}  `
  const where = path === undefined ? `at ${offset}` : `c${path.connection} ${path.from} > ${path.to}`
  return `${when}${where}  `
}

function errorText(error: SpopError): string {
  return `${error.message} (${error.code})`
}

function headText(frame: Frame, { bytes }: FrameRecord): string {
  const type = frame.type === 'UNKNOWN' ? `UNKNOWN ${frame.typeCode}` : frame.type
  const flags = [frame.flags.fin ? 'FIN' : 'no FIN', ...(frame.flags.abort ? ['ABORT'] : [])]
  if (frame.flags.raw > 3) flags.push(`flags 0x${frame.flags.raw.toString(16)}`)
  return `${type}  stream ${frame.streamId} frame ${frame.frameId}, ${flags.join(' ')}, ${bytes.readUInt32BE(0)} bytes`
}

function bodyLines(frame: Frame): string[] {
  if ('kv' in frame) return namedLines(frame.kv, frame.type.endsWith('DISCONNECT'))
  if ('payload' in frame && frame.payload !== undefined) {
    return frame.payload.length === 0 ? [] : [`  payload  ${hex(frame.payload)}`]
  }
  if (frame.type === 'NOTIFY') return frame.messages.flatMap(messageLines)
  if (frame.type !== 'ACK') return []
  return columns(
    frame.actions.map((action) => [
      `${action.action} ${action.scope}.${nameText(action.name)}`,
      action.action === 'set-var' ? valueText(action) : '',
    ]),
  )
}

function messageLines({ name, args }: Message): string[] {
  return [`  message ${nameText(name)}`, ...namedLines(args, false).map(indent)]
}

function indent(line: string): string {
  return `  ${line}`
}

function namedLines(list: readonly NamedValue[], statuses: boolean): string[] {
  return columns(
    list.map((named) => {
      const isStatus = statuses && named.name === 'status-code' && typeof named.value === 'number'
      return [nameText(named.name), valueText(named) + (isStatus ? ` (${statusMessage(Number(named.value))})` : '')]
    }),
  )
}

/** Two columns, though not for the sake of one long name. */
function columns(rows: readonly (readonly [name: string, value: string])[]): string[] {
  const width = Math.max(0, ...rows.map(([name]) => name.length).filter((length) => length <= MAX_COLUMN))
  return rows.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`.trimEnd())
}

function valueText(typed: TypedValue): string {
  const flags = typed.valueFlags === undefined ? '' : ` (flags ${typed.valueFlags})`
  const type = typed.type.toLowerCase()
  switch (typed.type) {
    case 'NULL':
      return `null${flags}`
    case 'STRING':
      return `${type} ${quoted(typed.value)}${flags}`
    case 'BINARY':
      return `${type} ${typed.value.length === 0 ? '(empty)' : hex(typed.value)}${flags}`
    default:
      return `${type} ${typed.value}${flags}`
  }
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex')
}
