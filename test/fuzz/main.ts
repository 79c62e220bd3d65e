// Structure-aware fuzzing of the agent's side of SPOP, the codec and the client. See usage() for the options.
import { parseArgs } from 'node:util'
import { Worker } from 'node:worker_threads'
import { Cases } from './cases.ts'
import { keep, readCorpus } from './corpus.ts'
import { FuzzFailure } from './failure.ts'
import { type MemorySample, MemoryWatch } from './memory.ts'
import { minimise } from './minimise.ts'
import { fuzzSockets } from './sockets.ts'

const USAGE = `Usage: node --conditions=node-spoe-source test/fuzz/main.ts [options]
  --seconds N   stop after N seconds (default 60, unless --frames is given)
  --frames N    stop after N frames
  --seed S      the same seed gives the same cases (default: of the clock)
  --case N      play only this case of the seed
  --sockets N   seconds of hostile connections to a real agent afterwards (default 5)
  --json        one JSON object on standard output at the end

Exit codes: 0 right, 1 a find, 2 usage.`

const PROGRESS_MS = 5_000
/** Frames until everything is compiled and every pool is full; memory is compared with what it is then. */
const WARM_FRAMES = 400_000
const SAMPLE_FRAMES = 500_000
const STALL_MS = 20_000

const options = readOptions()
if (options === undefined) {
  console.error(USAGE)
  process.exit(2)
}
// Millions of errors are made and none of their stacks is looked at; a find is played again with them.
Error.stackTraceLimit = 0
process.exitCode = await fuzz(options)

interface Options {
  readonly seconds: number
  readonly frames: number
  readonly seed: number
  readonly only: number | undefined
  readonly socketSeconds: number
  readonly json: boolean
}

function readOptions(): Options | undefined {
  const number = { type: 'string' } as const
  try {
    const { values } = parseArgs({
      options: {
        seconds: number,
        frames: number,
        seed: number,
        case: number,
        sockets: number,
        json: { type: 'boolean' },
      },
    })
    const read = (text: string | undefined, otherwise: number): number => {
      const value = text === undefined ? otherwise : Number(text)
      if (!(value >= 0)) throw new TypeError(`${text} is no number`)
      return value
    }
    return {
      seconds: read(values.seconds, values.frames === undefined ? 60 : Infinity),
      frames: read(values.frames, Infinity),
      seed: read(values.seed, Date.now() % 2 ** 31),
      only: values.case === undefined ? undefined : read(values.case, 0),
      socketSeconds: read(values.sockets, 5),
      json: values.json ?? false,
    }
  } catch (error) {
    console.error(error instanceof Error ? error.message : error)
    return undefined
  }
}

async function fuzz({ seconds, frames, seed, only, socketSeconds, json }: Options): Promise<number> {
  const corpus = readCorpus().map(({ bytes }) => bytes)
  const cases = new Cases(seed, corpus)
  const memory = new MemoryWatch()
  const started = performance.now()
  const elapsed = (): number => (performance.now() - started) / 1000
  const progress = new Float64Array(new SharedArrayBuffer(8))
  const watchdog = new Worker(new URL('watchdog.ts', import.meta.url), {
    workerData: { progress, seed, stallMs: STALL_MS },
  })
  let index = only ?? 0
  let find: string | undefined
  let nextProgress = PROGRESS_MS / 1000
  let nextSample = WARM_FRAMES
  let sockets: object = {}
  try {
    for (; cases.frames < frames && (only === undefined || index === only); index++) {
      progress[0] = index
      const pending = cases.play(index)
      if (pending !== undefined) await pending
      if (cases.frames >= nextSample) {
        nextSample += SAMPLE_FRAMES
        memory.sample()
      }
      if ((index & 255) !== 0) continue
      if (elapsed() >= seconds) break
      if (elapsed() >= nextProgress) {
        nextProgress = elapsed() + PROGRESS_MS / 1000
        console.error(progressLine(seed, cases.frames, elapsed(), memory.last))
      }
    }
    memory.sample()
  } catch (error) {
    find = await report(cases, seed, index, error)
  }
  const fuzzed = elapsed()
  const { user, system } = process.cpuUsage()
  const cpuSeconds = (user + system) / 1e6
  await watchdog.terminate()
  if (find === undefined && socketSeconds > 0) {
    try {
      sockets = await fuzzSockets(socketSeconds, seed)
    } catch (error) {
      find = `sockets: ${error instanceof Error ? error.message : String(error)}`
    }
  }
  const result = {
    ok: find === undefined,
    ...(find === undefined ? {} : { find }),
    seed,
    cases: index,
    frames: cases.frames,
    mutated: cases.mutated,
    decoded: cases.decoded,
    seconds: Math.round(fuzzed * 10) / 10,
    framesPerSecond: Math.round(cases.frames / fuzzed),
    // Of the process, garbage collection and compilation included: what a busy machine does not change.
    cpuSeconds: Math.round(cpuSeconds * 10) / 10,
    framesPerCpuSecond: Math.round(cases.frames / cpuSeconds),
    memoryBefore: memory.first,
    memoryAfter: memory.last,
    sockets,
  }
  if (json) console.log(JSON.stringify(result))
  else console.log(`${find ?? 'no finds'}\n${progressLine(seed, cases.frames, fuzzed, memory.last)}`)
  return find === undefined ? 0 : 1
}

function progressLine(seed: number, frames: number, seconds: number, { heap, external }: MemorySample): string {
  const mib = (bytes: number): string => (bytes / 2 ** 20).toFixed(1)
  const rate = Math.round(frames / seconds / 1000)
  return `fuzz: ${frames} frames in ${seconds.toFixed(0)} s, ${rate}k/s, heap ${mib(heap)} MiB, external ${mib(external)} MiB, seed ${seed}`
}

/** Says what was found, and keeps the bytes that show it. */
async function report(cases: Cases, seed: number, index: number, error: unknown): Promise<string> {
  const { bytes, length, cuts } = cases.played
  const original = { bytes: Buffer.from(bytes.subarray(0, length)), length, cuts: [...cuts] }
  let player = new Cases(seed, [])
  const fails = async (candidate: Buffer, at: readonly number[]): Promise<boolean> => {
    try {
      await player.replay(candidate, at)
      return false
    } catch {
      // One that failed may be in any state.
      player = new Cases(seed, [])
      return true
    }
  }
  const again = await fails(original.bytes, original.cuts)
  const small = again ? await minimise(original, fails) : original
  const path = keep(`find-${seed}-${index}`, small.bytes.subarray(0, length))
  const what =
    error instanceof FuzzFailure
      ? error.message
      : error instanceof Error
        ? (error.stack ?? error.message)
        : String(error)
  const cut = small.cuts.length === 0 ? '' : `, read up to ${small.cuts.join(', ')}`
  return `case ${index} of seed ${seed}: ${what}\n  ${path}${cut}${again ? '' : ' (only in its context)'}`
}
