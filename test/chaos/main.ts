// The long form of the fault suite: random faults until the time is over. See usage() for the options.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { Cleanup } from '../../agent/dev/cleanup.ts'
import { ROOT } from '../../agent/dev/tools.ts'
import type { Random } from '../fuzz/random.ts'
import { newFolder, removeFolder } from '../support/folder.ts'
import { AT_THE_EDGE, BEHIND, FAULTS } from './faults/index.ts'
import type { Fault } from './faults/fault.ts'
import { lineOf, render } from './report.ts'
import { runChaos } from './run.ts'

const USAGE = `Usage: node --conditions=node-spoe-source test/chaos/main.ts [options]
  --minutes N    begin no step after so many minutes (default 10)
  --seed S       the same seed gives the same faults (default: of the clock)
  --rate N       requests a second (default 200)
  --haproxy V    2.6, 3.0 or 3.2 (default 3.0)
  --only A,B     these faults only, by their names, each by itself
  --keep         leave databases and logs where they are
  --list         print the names of all faults

Exit codes: 0 right, 1 a violation, 2 usage.`

interface Options {
  readonly minutes: number
  readonly seed: number
  readonly rate: number
  readonly haproxyBinary: string
  readonly faults: readonly Fault[]
  readonly pairs: boolean
  readonly keep: boolean
}

const options = readOptions()
if (options === undefined) process.exit(2)
process.exitCode = await chaos(options)

function readOptions(): Options | undefined {
  try {
    const text = { type: 'string' } as const
    const { values } = parseArgs({
      options: {
        minutes: text,
        seed: text,
        rate: text,
        haproxy: text,
        only: text,
        keep: { type: 'boolean' },
        list: { type: 'boolean' },
      },
    })
    if (values.list === true) {
      console.log(FAULTS.map(({ name }) => name).join('\n'))
      process.exit(0)
    }
    const haproxyBinary = join(ROOT, '.toolchain/bin', `haproxy-${values.haproxy ?? '3.0'}`)
    if (!existsSync(haproxyBinary)) throw new TypeError(`${haproxyBinary} is missing: run "make setup-test"`)
    return {
      minutes: numberOf(values.minutes, 10),
      seed: numberOf(values.seed ?? process.env['CHAOS_SEED'], Date.now() % 2 ** 31),
      rate: numberOf(values.rate, 200),
      haproxyBinary,
      faults: values.only === undefined ? FAULTS : values.only.split(',').map(faultOf),
      pairs: values.only === undefined,
      keep: values.keep ?? false,
    }
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`)
    return undefined
  }
}

function numberOf(text: string | undefined, otherwise: number): number {
  const value = text === undefined || text === '' ? otherwise : Number(text)
  if (!(value >= 0)) throw new TypeError(`${text} is no number`)
  return value
}

function faultOf(name: string): Fault {
  const fault = FAULTS.find((one) => one.name === name.trim())
  if (fault === undefined) throw new TypeError(`there is no fault "${name}"`)
  return fault
}

async function chaos({ minutes, seed, rate, haproxyBinary, faults, pairs, keep }: Options): Promise<number> {
  console.log(`seed ${seed}: ${minutes} minutes at ${rate} requests/s; repeat it with SEED=${seed}`)
  const until = Date.now() + minutes * 60_000
  const able = faults.filter(({ name, unable }) => {
    const why = unable?.()
    if (why !== undefined) console.log(`left out: ${name} (${why})`)
    return why === undefined
  })
  const folder = newFolder()
  const cleanup = new Cleanup()
  let failed = true
  const end = (signal: string): void => {
    console.log(`ended by ${signal}`)
    void cleanup.run().finally(() => {
      if (!keep) removeFolder(folder)
      process.exit(1)
    })
  }
  process.once('SIGTERM', end).once('SIGINT', end)
  try {
    const report = await runChaos({
      seed,
      folder,
      haproxyBinary,
      rate,
      load: { before: 3_000, after: 2_000, stage: 'worked' },
      steps: (random) => steps(random, able, pairs, until),
      // A second is a third of the deadline, beyond which answers are refusals: what holds up decisions for so long is a
      // defect, and noise that does not hold up the suite as well is seldom as long.
      slower: { p50: { times: 3, ms: 20 }, p99: { times: 5, ms: 1_000 } },
      cleanup,
      progress: (step) => console.log(lineOf(step)),
    })
    console.log(`\n${render(report)}`)
    failed = report.problems.length > 0
    return failed ? 1 : 0
  } finally {
    if (keep || failed) console.log(`databases and logs: ${folder}`)
    else removeFolder(folder)
  }
}

/** Every fault once, in random order; then two at once, of those that go together; and so on. */
function* steps(random: Random, able: readonly Fault[], pairs: boolean, until: number): Generator<readonly Fault[]> {
  while (Date.now() < until) {
    const bag = [...able]
    while (bag.length > 0 && Date.now() < until) {
      yield bag.splice(random.below(bag.length), 1)
      if (pairs && random.once(3) && Date.now() < until) yield [random.pick(AT_THE_EDGE), random.pick(BEHIND)]
    }
  }
}
