import { Writable } from 'node:stream'
import { decodeCommand } from '../../../node-spoe/src/cli/decode.ts'

/** What `node-spoe decode` said. */
export interface Run {
  readonly code: number
  readonly out: string
  readonly err: string
  /** The lines of `--json`. */
  readonly lines: readonly JsonLine[]
}

/** A line of `--json`, as far as the tests look. */
export interface JsonLine {
  readonly kind: string
  readonly type?: string
  readonly [key: string]: unknown
}

/** Runs the command in this process, with these bytes on its standard input in reads of `portion` bytes. */
export async function decode(
  args: readonly string[],
  input: Uint8Array = Buffer.alloc(0),
  portion = 1000,
): Promise<Run> {
  let out = ''
  let err = ''
  async function* reads(): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < input.length; at += portion) yield input.subarray(at, at + portion)
  }
  const stdout = new Writable({
    write(chunk: Buffer, _encoding, done) {
      out += chunk.toString()
      done()
    },
  })
  let code: number
  try {
    code = await decodeCommand(args, { stdin: reads(), stdout, stderr: { write: (text) => (err += text) } })
  } catch (error) {
    // What was printed before it is part of the promise.
    throw Object.assign(error as Error, { out })
  }
  return {
    code,
    out,
    err,
    get lines() {
      return out
        .trim()
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as JsonLine)
    },
  }
}
