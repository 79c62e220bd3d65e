import { parseArgs } from 'node:util'
import { Cleanup } from '../agent/dev/cleanup.ts'
import { decision } from './decision.ts'
import { dispatch } from './dispatch.ts'
import { endOnSignal, fail } from './ending.ts'
import { type Benchmark, run } from './harness.ts'
import { identity } from './identity.ts'
import { noop } from './noop.ts'
import { asMarkdown, asText } from './render.ts'
import { rules } from './rules.ts'

const BENCHMARKS: readonly Benchmark[] = [decision, identity, rules, dispatch, noop]

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: 'boolean', default: false },
    markdown: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    haproxy: { type: 'string', default: '2.6,3.2' },
    only: { type: 'string' },
  },
})
const unknown = positionals.filter((name) => !BENCHMARKS.some((benchmark) => benchmark.name === name))
const rounds = values.rounds === undefined ? undefined : Number(values.rounds)
if (unknown.length > 0 || (rounds !== undefined && (!Number.isInteger(rounds) || rounds < 1))) {
  console.error(
    'npm run bench -- [NAME…] [--rounds N] [--haproxy 2.6,3.0,3.2] [--only AGENT,…] [--json|--markdown], NAME being',
  )
  for (const { name, description } of BENCHMARKS) console.error(`  ${name.padEnd(12)}${description}`)
  process.exit(2)
}
let current = new Cleanup()
endOnSignal(() => current)
for (const benchmark of BENCHMARKS) {
  if (positionals.length > 0 && !positionals.includes(benchmark.name)) continue
  current = new Cleanup()
  const context = {
    haproxy: values.haproxy.split(','),
    only: values.only?.split(','),
    cleanup: current,
    progress: (text: string) => console.error(`• ${text}`),
  }
  try {
    const report = await run(benchmark, rounds ?? benchmark.rounds, context)
    const print = values.json ? JSON.stringify : values.markdown ? asMarkdown : asText
    console.log(print(report))
  } catch (error) {
    await fail(error)
  }
}
