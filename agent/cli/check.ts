import { Command, InvalidArgumentError, Option } from 'commander'
import { ConfigError, type Problem, renderProblem } from '../config/problem.ts'
import type { CheckedFiles, CheckResult } from '../lint/check.ts'
import type { Finding } from '../lint/finding.ts'
import { branchOf, type HaproxyVersion, parseVersion } from '../lint/version.ts'
import { configOption, haproxyOption, jsonOption, spoeOption } from './options.ts'

interface Options extends CheckedFiles {
  readonly json: boolean
  readonly strict: boolean
  readonly fix: boolean
  readonly dryRun: boolean
  readonly haproxyVersion?: HaproxyVersion
}

export function checkCommand(): Command {
  return new Command('check')
    .description('check agent.yaml, haproxy.cfg and spoe.conf, each and against each other')
    .addOption(configOption())
    .addOption(haproxyOption())
    .addOption(spoeOption())
    .addOption(
      new Option(
        '--haproxy-version <version>',
        'the HAProxy that the files are for, such as 3.0; by default the one on this machine',
      ).argParser(toVersion),
    )
    .addOption(new Option('--strict', 'warnings fail as well').default(false))
    .addOption(new Option('--fix', 'add to haproxy.cfg and spoe.conf what is safe to add').default(false))
    .addOption(new Option('--dry-run', 'with --fix: only show what would be added').default(false))
    .addOption(jsonOption())
    .addHelpText(
      'after',
      '\nExit codes: 0 no errors (with --strict: no warnings either), 1 findings or failure, 2 usage.\n',
    )
    .action(async (options: Options, command: Command) => {
      if (options.dryRun && !options.fix) command.error('error: --dry-run is for --fix', { exitCode: 2 })
      const result = await found(options)
      const ok = result.problems.every(({ severity }) => severity !== 'error' && !options.strict)
      if (options.json) console.log(JSON.stringify(report(result, ok)))
      else await print(options, result)
      process.exitCode = ok ? 0 : 1
    })
}

function toVersion(text: string): HaproxyVersion {
  const version = parseVersion(text)
  if (version === undefined) throw new InvalidArgumentError('Expected a version such as 3.0 or 3.2.26.')
  return version
}

/** What `check` finds; with `--json` a wrong agent.yaml has the same form, so that programs need to know only one. */
async function found({ fix, dryRun, ...options }: Options): Promise<CheckResult> {
  const { check } = await import('../lint/check.ts')
  try {
    return check({ ...options, fix: fix ? (dryRun ? 'show' : 'write') : undefined })
  } catch (error) {
    if (!(error instanceof ConfigError) || !options.json) throw error
    return { problems: [...error.problems], haproxy: null, changes: [] }
  }
}

/** The one JSON object, documented in docs/check.md. */
function report({ problems, haproxy, changes }: CheckResult, ok: boolean): object {
  return {
    ok,
    problems: problems.map(plain),
    haproxy,
    summary: {
      ...counts(problems),
      fixable: problems.filter(({ addition }) => addition !== undefined).length,
    },
    changes: changes.map(({ file, diff, findings }) => ({ file, findings, diff })),
  }
}

function plain({ addition, ...problem }: Finding): Problem & { fixable: boolean } {
  return { ...problem, fixable: addition !== undefined }
}

function counts(problems: readonly Problem[]): { errors: number; warnings: number } {
  const warnings = problems.filter(({ severity }) => severity === 'warning').length
  return { errors: problems.length - warnings, warnings }
}

async function print(options: Options, { problems, haproxy, changes }: CheckResult): Promise<void> {
  const { countProblems, plural } = await import('../lint/check.ts')
  for (const { diff } of changes) console.log(diff)
  for (const problem of problems) console.log(renderProblem(problem))
  const wanted = options.haproxyVersion === undefined ? '' : ` ${branchOf(options.haproxyVersion)}`
  const witness = haproxy === null ? `there is no HAProxy${wanted} here to ask` : `HAProxy ${haproxy} was asked`
  const mended = changes.reduce((sum, { findings }) => sum + findings, 0)
  const fixable = problems.filter(({ addition }) => addition !== undefined).length
  const notes = [
    ...(mended > 0 && !options.dryRun ? [`${plural(mended, 'finding')} fixed`] : []),
    ...(fixable > 0 ? [`--fix mends ${fixable} of them`] : []),
    witness,
  ]
  console.log(`${options.config}, ${options.haproxy}, ${options.spoe}: ${countProblems(problems)}; ${notes.join('; ')}`)
}
