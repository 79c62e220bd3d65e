import { SpopError } from '../errors.ts'
import type { Action, Frame, Message, NamedValue, TypedValue } from '../protocol/index.ts'
import { asUtf8, safeJson } from './escape.ts'
import type { BrokenRecord, FrameRecord, NoteRecord, Place, Printer } from './records.ts'
import { milliseconds, timeText } from './time-text.ts'

/**
 * One JSON object a line. `kind` is `frame`, `broken` (bytes that are no frame) or `note` (`gap`, `skipped`,
 * `unfinished`, with their `bytes`).
 *
 * A frame has `frame` (its number), `connection`, `from`, `to` and `time` if it comes from a capture, `offset` in the
 * byte stream, `length` (LEN), `type`, `typeCode`, `flags`, `streamId`, `frameId`, then `kv`, `messages`, `actions` or
 * `payloadHex`; `answers` and `latencyMs` on an ACK; `reassembled` on the last of several fragments; `error` with `code`,
 * `message` and `offset` counted from LEN.
 *
 * Ids and 64-bit integers are strings, as JSON numbers are not exact. A STRING that is not UTF-8, and every BINARY, is
 * in `valueHex` instead of `value`; a name that is not UTF-8 in `nameHex` instead of `name`.
 */
export class JsonPrinter implements Printer {
  readonly #write: (text: string) => void

  constructor(write: (text: string) => void) {
    this.#write = write
  }

  frame(record: FrameRecord): void {
    const { inspection, answers, reassembled, bytes } = record
    const { frame, error } = inspection
    this.#line({
      kind: 'frame',
      frame: record.number,
      ...placeJson(record),
      length: bytes.readUInt32BE(0),
      ...(frame === undefined ? {} : frameJson(frame, bytes)),
      ...(answers === undefined ? {} : { answers: answers.number }),
      ...(answers?.latency === undefined ? {} : { latencyMs: milliseconds(answers.latency) }),
      ...(reassembled === undefined || reassembled instanceof SpopError
        ? {}
        : { reassembled: { messages: reassembled.map(messageJson) } }),
      ...(reassembled instanceof SpopError ? { error: errorJson(reassembled) } : {}),
      ...(error === undefined ? {} : { error: { ...errorJson(error), offset: inspection.errorOffset } }),
    })
  }

  broken(record: BrokenRecord): void {
    this.#line({ kind: 'broken', ...placeJson(record), error: { ...errorJson(record.error), offset: 0 } })
  }

  note(record: NoteRecord): void {
    this.#line({ kind: 'note', ...placeJson(record), note: record.note, bytes: record.bytes })
  }

  #line(value: object): void {
    this.#write(`${safeJson(value)}\n`)
  }
}

function placeJson({ path, offset, time }: Place): object {
  return { ...path, ...(time === undefined ? {} : { time: timeText(time) }), offset }
}

function errorJson({ code, message }: SpopError): { code: string; message: string } {
  return { code, message }
}

function frameJson(frame: Frame, bytes: Buffer): object {
  const { flags } = frame
  const names = [...(flags.fin ? ['FIN'] : []), ...(flags.abort ? ['ABORT'] : [])]
  return {
    type: frame.type,
    typeCode: bytes[4],
    flags: names,
    ...(flags.raw > 3 ? { flagsRaw: flags.raw } : {}),
    streamId: String(frame.streamId),
    frameId: String(frame.frameId),
    ...bodyJson(frame),
  }
}

function bodyJson(frame: Frame): object {
  if ('kv' in frame) return { kv: frame.kv.map(namedJson) }
  if ('payload' in frame && frame.payload !== undefined) return { payloadHex: hex(frame.payload) }
  if (frame.type === 'NOTIFY') return { messages: frame.messages.map(messageJson) }
  return frame.type === 'ACK' ? { actions: frame.actions.map(actionJson) } : {}
}

function messageJson({ name, args }: Message): object {
  return { ...nameJson(name), args: args.map(namedJson) }
}

function actionJson(action: Action): object {
  const { scope, name } = action
  const value = action.action === 'set-var' ? valueJson(action) : {}
  return { action: action.action, scope, ...nameJson(name), ...value }
}

function namedJson(named: NamedValue): object {
  return { ...nameJson(named.name), ...valueJson(named) }
}

function nameJson(latin1: string): object {
  const name = asUtf8(latin1)
  return name === undefined ? { nameHex: hex(Buffer.from(latin1, 'latin1')) } : { name }
}

function valueJson(typed: TypedValue): object {
  const type = typed.type.toLowerCase()
  const flags = typed.valueFlags === undefined ? {} : { valueFlags: typed.valueFlags }
  switch (typed.type) {
    case 'STRING': {
      const value = asUtf8(typed.value)
      return {
        type,
        ...(value === undefined ? { valueHex: hex(Buffer.from(typed.value, 'latin1')) } : { value }),
        ...flags,
      }
    }
    case 'BINARY':
      return { type, valueHex: hex(typed.value), ...flags }
    case 'INT64':
    case 'UINT64':
      return { type, value: String(typed.value), ...flags }
    case 'INT32':
    case 'UINT32':
      // Only what is outside of 32 bits on the wire can be a bigint here.
      return { type, value: typeof typed.value === 'bigint' ? String(typed.value) : typed.value, ...flags }
    default:
      return { type, value: typed.value, ...flags }
  }
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex')
}
