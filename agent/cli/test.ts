import { existsSync, globSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { Command, InvalidArgumentError, Option } from 'commander'
import { UserError } from '../errors.ts'
import type { Coverage } from '../policy-test/coverage.ts'
import type { RunResult, TestResult } from '../policy-test/run.ts'
import { jsonOption } from './options.ts'

interface Options {
  readonly config?: string
  readonly filter?: string
  readonly coverage?: number
  readonly junit?: string
  readonly json: boolean
}

/** `haproxy-temporal test`. */
export function testCommand(): Command {
  return new Command('test')
    .description('run the tests of a configuration: who may do what, and what becomes of it')
    .argument('[files...]', 'files of tests, or patterns such as "policies/**/*.test.yaml"; default agent.test.yaml')
    .option(
      '--config <file>',
      'the configuration to test; default: the one that the file names, or agent.yaml beside it',
    )
    .option('--filter <text>', 'only tests whose name holds this text')
    .addOption(new Option('--coverage <percent>', 'fail when tests reach fewer of the rules').argParser(toPercent))
    .option('--junit <file>', 'write a report for CI systems')
    .addOption(jsonOption())
    .addHelpText(
      'after',
      '\nExit codes: 0 all tests pass, 1 failed tests, too little coverage or a wrong file, 2 usage.\n',
    )
    .action(async (patterns: string[], options: Options, command: Command) => {
      if (options.coverage !== undefined && options.filter !== undefined) {
        command.error('error: --coverage is for all tests, without --filter', { exitCode: 2 })
      }
      const { runTests } = await import('../policy-test/run.ts')
      const result = runTests(filesOf(patterns, options.config), options)
      if (result.results.length === 0) {
        throw new UserError('TEST_NONE', `no test has a name with "${options.filter ?? ''}"`)
      }
      if (options.junit !== undefined) {
        const { junit } = await import('../policy-test/junit.ts')
        writeFileSync(options.junit, junit(result))
      }
      const uncovered = result.coverage.filter(({ percent }) => percent < (options.coverage ?? 0))
      const ok = uncovered.length === 0 && result.results.every(({ differences }) => differences.length === 0)
      if (options.json) console.log(JSON.stringify(report(result, ok)))
      else print(result, options, uncovered)
      process.exitCode = ok ? 0 : 1
    })
}

function toPercent(text: string): number {
  const percent = /^\d{1,3}(?:\.\d+)?%?$/.test(text) ? Number.parseFloat(text) : Number.NaN
  if (!(percent <= 100)) throw new InvalidArgumentError('Expected a number from 0 to 100.')
  return percent
}

/** @throws {UserError} a file is not there, or a pattern fits none */
function filesOf(patterns: readonly string[], config: string | undefined): string[] {
  if (patterns.length === 0) {
    const file = join(dirname(config ?? 'agent.yaml'), 'agent.test.yaml')
    if (!existsSync(file)) throw new UserError('TEST_NONE', `${file} is not there`)
    return [file]
  }
  const files = patterns.flatMap((pattern) => {
    // A name may hold what patterns are made of.
    if (existsSync(pattern)) return [pattern]
    const found = globSync(pattern).toSorted()
    if (found.length === 0) throw new UserError('TEST_NONE', `there is no file ${pattern}`)
    return found
  })
  return [...new Set(files)]
}

/** The one JSON object, documented in docs/testing.md. */
function report({ results, coverage }: RunResult, ok: boolean): object {
  const failed = results.filter(({ differences }) => differences.length > 0).length
  return {
    ok,
    summary: { tests: results.length, passed: results.length - failed, failed },
    tests: results.map(({ file, name, line, differences, happened }) => ({
      ok: differences.length === 0,
      file,
      name,
      line,
      happened,
      differences: differences.map(({ path, text, expected, got, ...place }) => ({
        path: path.map(String).join('.'),
        ...place,
        message: text,
        expected,
        got: got ?? null,
      })),
    })),
    coverage: coverage.map(({ config, rules, reached, percent, unreached }) => ({
      config,
      rules,
      reached,
      percent: rounded(percent),
      unreached,
    })),
  }
}

function print({ results, coverage }: RunResult, options: Options, uncovered: readonly Coverage[]): void {
  const failed = results.filter(({ differences }) => differences.length > 0)
  for (const result of failed) console.log(lineOf(result))
  for (const { config, rules, reached, percent, unreached } of coverage) {
    if (options.filter !== undefined) continue
    const names = unreached.map(({ rule, line }) => `${rule} (line ${line})`).join(', ')
    const rest = names === '' ? '' : `; no test reached ${names}`
    console.log(`${config}: ${reached} of ${rules} rules reached, ${rounded(percent)} %${rest}`)
  }
  for (const { config, percent } of uncovered) {
    console.log(`${config}: coverage is ${rounded(percent)} %, ${options.coverage} % are wanted`)
  }
  const files = new Set(results.map(({ file }) => file)).size
  const where = files === 1 ? relative('', results[0]?.file ?? '') : `${files} files`
  console.log(`${where}: ${results.length - failed.length} passed, ${failed.length} failed`)
}

/** The first difference gives the place. */
function lineOf({ file, name, differences, happened }: TestResult): string {
  const [first] = differences
  const texts = differences.map(({ text }) => text).join('; ')
  return `${relative('', file)}:${first?.line}:${first?.column}: ${name}: ${texts} (${happened})`
}

/** Never up to what was not reached. */
function rounded(percent: number): number {
  return Math.floor(percent * 10) / 10
}
