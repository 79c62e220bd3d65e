import { ConfigError, inOrder, type Problem } from '../config/problem.ts'
import { compare, type Difference } from './compare.ts'
import { Coverage } from './coverage.ts'
import { testIdentity } from './identities.ts'
import { type LoadedTests, loadTests, unknownNames } from './load.ts'
import { openPolicy, type Policy } from './policy.ts'
import { callerName, questionsOf, type Setting } from './questions.ts'
import type { Caller, Row } from './schema.ts'

/** Something that is not as a test expects it, at its place. */
export interface PlacedDifference extends Difference {
  readonly line: number
  readonly column: number
}

/** One test for one caller. */
export interface TestResult {
  readonly file: string
  /** With the caller where the row has several. */
  readonly name: string
  /** Of the name in the file. */
  readonly line: number
  /** Empty when it passed. */
  readonly differences: readonly PlacedDifference[]
  /** What happened, for people who wonder why: `deny 403 policy_denied, rule admin-only`. */
  readonly happened: string
  readonly ms: number
}

export interface RunResult {
  readonly results: readonly TestResult[]
  readonly coverage: readonly Coverage[]
}

export interface RunOptions {
  /** The configuration to test instead of those that the files name. */
  readonly config?: string | undefined
  /** Only tests whose name holds this text, in any case. */
  readonly filter?: string | undefined
}

/**
 * Runs the tests of some files.
 * @throws {ConfigError} with every problem of the files and of their configurations: then nothing is run
 */
export function runTests(files: readonly string[], { config, filter }: RunOptions = {}): RunResult {
  const problems: Problem[] = []
  const suites = files.flatMap((file) => suite(file, config, problems))
  if (problems.length > 0) throw new ConfigError(problems)
  const coverage = new Map<string, Coverage>()
  const results = suites.flatMap(({ loaded, policy }) => {
    const covered = coverage.get(policy.file) ?? new Coverage(policy)
    coverage.set(policy.file, covered)
    return runFile(loaded, policy, covered, filter?.toLowerCase())
  })
  return { results, coverage: [...coverage.values()] }
}

interface Suite {
  readonly loaded: LoadedTests
  readonly policy: Policy
}

/** A problem of one file does not hide those of the others. */
function suite(file: string, config: string | undefined, problems: Problem[]): Suite[] {
  try {
    const loaded = loadTests(file, config)
    const policy = openPolicy(loaded.config, loaded.tests.env)
    problems.push(...inOrder(unknownNames(loaded, policy)))
    return [{ loaded, policy }]
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    problems.push(...error.problems)
    return []
  }
}

function runFile(loaded: LoadedTests, policy: Policy, coverage: Coverage, filter: string | undefined): TestResult[] {
  const { tests } = loaded
  const identities = new Map(
    Object.entries(tests.identities).map(([name, settings]) => [name, testIdentity(name, settings, policy.config)]),
  )
  const setting: Setting = { identities, at: tests.at }
  return tests.tests.flatMap((row, index) => {
    if (filter !== undefined && !row.name.toLowerCase().includes(filter)) return []
    const callers: readonly Caller[] = row.as ?? ['none']
    return callers.map((caller) => {
      const name = callers.length === 1 ? row.name : `${row.name} (as ${callerName(caller)})`
      return runRow({ loaded, policy, coverage, setting }, row, index, caller, name)
    })
  })
}

interface Bench {
  readonly loaded: LoadedTests
  readonly policy: Policy
  readonly coverage: Coverage
  readonly setting: Setting
}

function runRow(bench: Bench, row: Row, index: number, caller: Caller, name: string): TestResult {
  const { loaded, policy, coverage, setting } = bench
  const { document, file } = loaded
  const started = performance.now()
  const takeBack = policy.restart(row.verdicts)
  try {
    const answers = questionsOf(row, caller, setting).map((question) => {
      const answer = policy.ask(question)
      coverage.add(answer)
      return answer
    })
    const last = answers.at(-1)
    if (last === undefined) throw new Error('a test that asks nothing')
    const differences = compare(row.expect, last).map((difference): PlacedDifference => {
      const at = ['tests', index, 'expect', ...difference.path]
      const { line, column } = document.atValue('CONFIG_INVALID', at, difference.text, { hint: '' })
      return { ...difference, line, column }
    })
    const { decision } = last
    const by = decision.rule === undefined ? 'no rule' : `rule ${decision.rule.name}`
    const happened = `${decision.allow ? 'allow' : 'deny'} ${decision.status} ${decision.reason}, ${by}`
    const { line } = document.atValue('CONFIG_INVALID', ['tests', index, 'name'], '', { hint: '' })
    return { file, name, line, differences, happened, ms: performance.now() - started }
  } finally {
    takeBack()
  }
}
