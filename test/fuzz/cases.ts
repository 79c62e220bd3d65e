import type { Frame } from '../../node-spoe/src/protocol/index.ts'
import { AgentLane } from './agent-lane.ts'
import { runClient } from './client-lane.ts'
import { checkCodec, checkSeen } from './codec-lane.ts'
import { Grammar, MAX_GENERATED_BYTES } from './grammar.ts'
import { AgentModel } from './model.ts'
import { Mutator } from './mutate.ts'
import { Random } from './random.ts'
import { StreamWriter } from './writer.ts'

const MAX_FRAMES = 24
/** One case in this many is an agent's stream, for the client. */
const CLIENT_CASES = 8
/** One frame in this many is encoded again. */
const ENCODED = 8
const MAX_CUTS = 12
/** Bytes; so small that fragments often end just before, at and behind it. */
const SMALL_REASSEMBLY = 90

/** What a case was, for reports and for the corpus. */
export interface Played {
  readonly bytes: Buffer
  readonly length: number
  readonly cuts: readonly number[]
}

/** Makes up cases and plays them; one case is one connection. */
export class Cases {
  /** Frames generated so far. */
  frames = 0
  /** Of those, frames that were damaged. */
  mutated = 0
  /** Whole frames that were decoded. */
  decoded = 0
  readonly #run: number
  readonly #random = new Random()
  readonly #out = new StreamWriter()
  readonly #grammar = new Grammar(this.#random, this.#out)
  readonly #mutator: Mutator
  readonly lanes: readonly AgentLane[] = [new AgentLane(0), new AgentLane(SMALL_REASSEMBLY)]
  readonly #cuts: number[] = []

  constructor(run: number, corpus: readonly Uint8Array[]) {
    this.#run = run
    this.#mutator = new Mutator(this.#random, this.#out, corpus)
  }

  /** The case played last. */
  get played(): Played {
    return { bytes: this.#out.bytes, length: this.#out.at, cuts: this.#cuts }
  }

  /**
   * Plays case number `index`; the same number is the same case, whatever was played before.
   * @throws FuzzFailure
   */
  play(index: number): Promise<void> | undefined {
    this.#random.seed(this.#run, index)
    this.#out.at = 0
    this.#cuts.length = 0
    if (index % CLIENT_CASES === 0) {
      this.#playAgent()
      return undefined
    }
    const lane = this.lanes[this.#random.below(4) === 0 ? 1 : 0]!
    const model = new AgentModel(lane.options)
    for (let count = 0; count < MAX_FRAMES && this.#out.at < MAX_GENERATED_BYTES && model.state !== 'closed'; count++) {
      const start = this.#out.at
      if (count === 0) this.#grammar.hello()
      else this.#grammar.fromHaproxy(lane.options.maxReassembledSize > 0)
      this.#damage(start, count === 0 ? 12 : 6)
      model.advance(this.#out.bytes, this.#out.at)
    }
    return this.#playHaproxy(lane, model)
  }

  /**
   * Plays given bytes as both ends' streams, to both agents: for the corpus, and for making a failing case smaller.
   * @throws FuzzFailure
   */
  async replay(bytes: Buffer, cuts: readonly number[] = []): Promise<void> {
    for (const lane of this.lanes) {
      this.#out.at = bytes.copy(this.#out.bytes)
      this.#cuts.splice(0, this.#cuts.length, ...cuts)
      const model = new AgentModel(lane.options)
      model.advance(this.#out.bytes, bytes.length)
      this.#check(model, 1)
      await lane.run(this.#out.bytes, bytes.length, this.#cuts, model)
    }
    this.#checkAll(bytes)
    for (const strict of [true, false]) runClient(bytes, bytes.length, cuts, strict)
  }

  /** @throws FuzzFailure */
  #playHaproxy(lane: AgentLane, model: AgentModel): Promise<void> | undefined {
    const { bytes, at } = this.#out
    this.#cut(at)
    const frames = this.#check(model, ENCODED)
    const pending = lane.run(bytes, at, this.#cuts, model)
    if (!model.reassembled) checkSeen(frames, model, lane.handlers.seen)
    return pending
  }

  /** Decodes what the model found to be frames. */
  #check(model: AgentModel, encoded: number): (Frame | undefined)[] {
    const { bytes } = this.#out
    const frames: (Frame | undefined)[] = []
    for (let i = 0; i < model.frames.length; i += 2) {
      this.decoded++
      frames.push(checkCodec(bytes, model.frames[i]!, model.frames[i + 1]!, this.#random.once(encoded)))
    }
    return frames
  }

  /** Decodes the frame whose LEN stands at `start`, if it is whole. Returns where it ends. */
  #checkOne(bytes: Buffer, start: number, length: number, encoded: number): number {
    const end = start + 4 + bytes.readUInt32BE(start)
    if (end > length || end - start < 11) return length
    this.decoded++
    checkCodec(bytes, start + 4, end, this.#random.once(encoded))
    return end
  }

  #checkAll(bytes: Buffer): void {
    for (let at = 0; at + 4 <= bytes.length;) at = this.#checkOne(bytes, at, bytes.length, 1)
  }

  #playAgent(): void {
    const ids = [1, 3, 5, 7, 1, 9].map((id) => Buffer.of(id, 1))
    const starts: number[] = []
    for (let count = 0; count < 7; count++) {
      starts.push(this.#out.at)
      if (count === 0) this.#grammar.agentHello()
      else if (this.#random.once(40)) this.#grammar.disconnect(102)
      else this.#grammar.ack(this.#random.once(8) ? undefined : ids[count - 1])
      this.#damage(starts[count]!, count === 0 ? 20 : 4)
    }
    const { bytes, at } = this.#out
    for (const start of starts) this.#checkOne(bytes, start, at, ENCODED)
    this.#cut(at)
    runClient(bytes, at, this.#cuts, this.#random.once(2))
  }

  /** Damages the frame behind `start` once in `odds`. */
  #damage(start: number, odds: number): void {
    this.frames++
    if (!this.#random.once(odds)) return
    this.mutated++
    this.#mutator.mutate(start)
  }

  #cut(length: number): void {
    if (this.#random.once(2)) return
    let at = 0
    const step = this.#random.once(4) ? 8 : Math.max(Math.floor((2 * length) / MAX_CUTS), 1)
    for (let left = MAX_CUTS; left > 0; left--) {
      at += 1 + this.#random.below(step)
      if (at >= length) return
      this.#cuts.push(at)
    }
  }
}
