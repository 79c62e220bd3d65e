import fc from 'fast-check'
import { DatabaseSync } from 'node:sqlite'
import { expect, test, vi } from 'vitest'
import type { Command } from '../../../../agent/dispatch/command.ts'
import { Outbox } from '../../../../agent/dispatch/store/outbox.ts'
import { command } from '../support/commands.ts'
import { harness, type Harness } from './harness.ts'

// Real disks: on a busy machine they may take their time.
vi.setConfig({ testTimeout: 300_000 })

/** What may happen, in any order. Numbers choose among what is there. */
type Step =
  | { readonly do: 'ask'; readonly packet: readonly { readonly kind: Kind; readonly n: number }[] }
  | { readonly do: 'answer'; readonly kept: readonly number[]; readonly refused: readonly number[] }
  | { readonly do: 'settle'; readonly share: number }
  | { readonly do: 'pause' | 'resume'; readonly rule: 'orders' | 'usage' }
  /** The ship thread gives back what it was asked for. */
  | { readonly do: 'giveBack' }
  | { readonly do: 'breakDisk' | 'mendDisk' | 'wait' | 'restart' }

const KINDS = ['start', 'meter', 'debounced', 'durable'] as const
type Kind = (typeof KINDS)[number]

const few = fc.array(fc.nat(50), { maxLength: 4 })
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('ask' as const),
      // Few ids, so that most of them come again.
      packet: fc.array(fc.record({ kind: fc.constantFrom(...KINDS), n: fc.nat(3) }), { minLength: 1, maxLength: 6 }),
    }),
  },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('answer' as const), kept: few, refused: few }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('settle' as const), share: fc.double({ min: 0, max: 1, noNaN: true }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constantFrom('pause' as const, 'resume' as const),
      rule: fc.constantFrom('orders' as const, 'usage' as const),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constantFrom('giveBack' as const, 'breakDisk' as const, 'mendDisk' as const, 'wait' as const),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('restart' as const) }) },
)

/** Of events that are not strict: none of them comes again. */
let durables = 0

/** Ids of records stand in no index of the outbox: after a restart they are new, so each run has its own. */
function commandOf({ kind, n }: { kind: Kind; n: number }, run: number): Command {
  if (kind === 'durable') return command(`durable-${durables++}`, { delivery: 'durable', kind: 'signal' })
  if (kind === 'start') return command(n, { delivery: 'strict' })
  if (kind === 'meter') return command(100 * run + n, { delivery: 'strict', rule: 'usage', kind: 'meter' })
  return command(n, { delivery: 'strict', rule: 'audit', kind: 'signal', debounce: { waitMs: 50, maxWaitMs: 200 } })
}

/** Event ids in a body: that of the event, or those of the records. */
const idsIn = (body: string): string[] => (JSON.parse(`[${body}]`) as { id: string }[]).map(({ id }) => id)

/**
 * What the requests of one run of the agent were told and how they were answered, and what went out meanwhile: by event id.
 */
class Run {
  readonly t: Harness
  readonly number: number
  readonly kept = new Set<string>()
  /** Events that earlier runs left on disk. */
  readonly inherited: ReadonlySet<string>
  readonly sent: string[] = []
  /** Told that they are on disk, and not answered. */
  readonly open = new Map<number, string>()
  readonly #asked = new Map<number, string>()
  #tickets = 0
  #told = { stored: 0, failed: 0 }
  #seen = 0

  constructor(t: Harness, inherited: ReadonlySet<string>, number = 0) {
    this.number = number
    this.t = t
    this.inherited = inherited
    this.look()
  }

  ask(commands: readonly Command[]): void {
    for (const { id, action } of commands) {
      if (action.delivery === 'strict') this.#asked.set(++this.#tickets, id)
      else this.kept.add(id)
    }
    this.t.take(...commands)
    this.look()
    // Every request hears of its event at once, and once.
    expect(this.#told.stored + this.#told.failed).toBe(this.#tickets)
  }

  answer(kept: readonly number[], refused: readonly number[]): void {
    const taken = { kept: this.#take(kept), refused: this.#take(refused) }
    for (const [, id] of taken.kept) this.kept.add(id)
    this.t.engine.answered(
      taken.kept.map(([ticket]) => ticket),
      taken.refused.map(([ticket]) => ticket),
    )
    this.look()
  }

  /** Refuses everything that is not answered yet. */
  refuseAll(): void {
    this.t.engine.answered([], [...this.open.keys()])
    this.open.clear()
    this.look()
  }

  /** Takes down what was told and sent since the last look. */
  look(): void {
    const { strict, told } = this.t
    for (const ticket of strict.stored.slice(this.#told.stored)) this.open.set(ticket, this.#asked.get(ticket) ?? '')
    this.#told = { stored: strict.stored.length, failed: strict.failed.length }
    for (const message of told.slice(this.#seen))
      if (message.type === 'parcels')
        for (const { id, body } of message.parcels) if (!this.again.delete(id)) this.sent.push(...idsIn(body))
    this.#seen = told.length
  }

  /** Parcels that were given back: when they come again it is for the first time. */
  readonly again = new Set<string>()

  #take(which: readonly number[]): [number, string][] {
    return which.flatMap((n) => {
      const open = [...this.open]
      const one = open[n % open.length]
      if (one === undefined) return []
      this.open.delete(one[0])
      return [one]
    })
  }
}

function rowsOnDisk(path: string): string[][] {
  const db = new DatabaseSync(path, { readOnly: true })
  const rows = db.prepare('SELECT body FROM outbox').all()
  db.close()
  return rows.map((row) => idsIn(String(row['body'])))
}

test.each([
  ['with room for all', 1e6],
  ['with room for a few', 8],
])(
  '%s, whoever was told that his event is stored and was let in has it delivered once, whoever was refused has none',
  async (_, maxEvents) => {
    const bounds = { maxEvents, maxBytes: 1e9, maxStored: 1e6, maxStoredBytes: 1e9 }
    const insert = vi.spyOn(Outbox.prototype, 'insert')
    const flush = vi.spyOn(Outbox.prototype, 'flush')
    vi.useFakeTimers()
    try {
      await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 60 }), play), { numRuns: 60 })
    } finally {
      vi.useRealTimers()
      insert.mockRestore()
      flush.mockRestore()
    }

    async function play(steps: readonly Step[]): Promise<void> {
      mend()
      let run = new Run(harness({ bounds }), new Set())
      for (const one of steps) {
        run = await take(run, one)
        run.t.conserved()
      }
      await finish(run)
    }

    async function take(run: Run, one: Step): Promise<Run> {
      const { t } = run
      if (one.do === 'ask') run.ask(one.packet.map((asked) => commandOf(asked, run.number)))
      else if (one.do === 'answer') run.answer(one.kept, one.refused)
      else if (one.do === 'settle') t.deliver(t.parcels.slice(0, Math.ceil(one.share * t.parcels.length)))
      else if (one.do === 'pause' || one.do === 'resume') await t.operate({ call: one.do, rule: one.rule })
      else if (one.do === 'giveBack') giveBack(run)
      else if (one.do === 'breakDisk') broken()
      else if (one.do === 'mendDisk') mend()
      else if (one.do === 'wait') vi.advanceTimersByTime(600)
      else return restart(run)
      run.look()
      return run
    }

    function giveBack(run: Run): void {
      const recall = run.t.told.findLast((message) => message.type === 'recall')
      const rules = recall?.type === 'recall' ? recall.rules : []
      const parcels = run.t.parcels.filter(({ id }) =>
        rules.some((rule) => id.startsWith(rule) || (rule === 'usage' && id.startsWith('~'))),
      )
      run.t.parcels.splice(0, run.t.parcels.length, ...run.t.parcels.filter((one) => !parcels.includes(one)))
      for (const { id } of parcels) run.again.add(id)
      run.t.engine.fromShip({ type: 'recalled', parcels })
    }

    async function restart(run: Run): Promise<Run> {
      mend()
      const open = new Set(run.open.values())
      vi.advanceTimersByTime(600)
      await stop(run)
      run.look()
      const left = rowsOnDisk(run.t.path).flat()
      expectRight(run, new Set(left), open)
      return new Run(harness({ path: run.t.path, bounds }), new Set(left), run.number + 1)
    }

    /** The agent is stopped, with a clock that stands still otherwise. */
    async function stop({ t }: Run): Promise<void> {
      const stopped = t.stop()
      await vi.advanceTimersByTimeAsync(1)
      await stopped
    }

    async function finish(run: Run): Promise<void> {
      mend()
      run.refuseAll()
      for (const rule of ['orders', 'usage']) await run.t.operate({ call: 'resume', rule })
      run.look()
      await vi.advanceTimersByTimeAsync(2000)
      run.look()
      // What is delivered makes room for others.
      for (let left = 200; left > 0 && run.t.counters.read().total.pending > 0; left--) {
        run.t.deliver()
        await vi.advanceTimersByTimeAsync(300)
        run.look()
      }
      expectRight(run, new Set(), new Set())
      run.t.conserved()
      expect(run.t.counters.read().total.pending).toBe(0)
      await stop(run)
      expect(rowsOnDisk(run.t.path)).toEqual([])
    }

    function expectRight(
      { t, kept, inherited, sent }: Run,
      left: ReadonlySet<string>,
      unanswered: ReadonlySet<string>,
    ): void {
      expect(sent).toHaveLength(new Set(sent).size)
      const gone = new Set([...sent, ...left])
      // Of what is debounced only the last one goes out; the books say how many did not.
      const coalesced = [...kept, ...inherited].filter((id) => !gone.has(id))
      expect(coalesced.filter((id) => !id.startsWith('audit/'))).toEqual([])
      expect(new Set(coalesced).size).toBe(t.rule('audit')['coalesced'])
      for (const id of gone) expect(kept.has(id) || inherited.has(id) || unanswered.has(id) ? '' : id).toBe('')
    }

    function broken(): void {
      const full = (): never => {
        throw Object.assign(new Error('database or disk is full'), { code: 'ERR_SQLITE_ERROR', errcode: 13 })
      }
      insert.mockImplementation(full)
      flush.mockImplementation(full)
    }

    function mend(): void {
      insert.mockReset()
      flush.mockReset()
    }
  },
)
