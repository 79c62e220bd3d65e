import { Command, CommanderError } from 'commander'
import { ConfigError, renderProblem } from '../config/problem.ts'
import { UserError } from '../errors.ts'
import { VERSION } from '../version.ts'
import { checkCommand } from './check.ts'
import { devCommand } from './dev.ts'
import { serveCommand } from './serve.ts'
import { versionCommand } from './version.ts'
import { workerCommand } from './worker.ts'

/** 0 right, 1 findings or failure, 2 usage. */
const USAGE = 2

const program = new Command('haproxy-temporal')
  .description('Identity-aware, durable request handling for HAProxy, with Temporal behind it.')
  .version(VERSION)
  .showHelpAfterError('(--help shows what there is)')
  .addHelpText('after', '\nExit codes: 0 right, 1 findings or failure, 2 usage.')
  .exitOverride()

for (const command of [devCommand(), serveCommand(), workerCommand(), checkCommand(), versionCommand()]) {
  program.addCommand(command.exitOverride())
}

try {
  await program.parseAsync()
} catch (error) {
  process.exitCode = report(error)
}

function report(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : USAGE
  const json = process.argv.includes('--json')
  if (error instanceof ConfigError) {
    if (json) console.log(JSON.stringify({ ok: false, problems: error.problems }))
    else for (const problem of error.problems) console.error(renderProblem(problem))
  } else if (error instanceof UserError) {
    if (json) console.log(JSON.stringify({ ok: false, code: error.code, message: error.message, hint: error.hint }))
    else console.error(`${error.code}: ${error.message}\n  hint: ${error.hint}`)
  } else {
    const { message, code } = error as NodeJS.ErrnoException
    if (json) console.log(JSON.stringify({ ok: false, code: code ?? 'FAILED', message }))
    // A failure that is not in the table is a defect: its place helps whoever reports it.
    else console.error(process.env['DEBUG'] === undefined ? `failed: ${message}` : error)
  }
  return 1
}
