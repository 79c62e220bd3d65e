import { Command, CommanderError } from 'commander'
import { ConfigError, renderProblem } from '../config/problem.ts'
import { UserError } from '../errors.ts'
import { VERSION } from '../version.ts'
import { apiKeyCommand } from './api-key.ts'
import { actorIdCommand } from './actor-id.ts'
import { actorKeyCommand } from './actor-key.ts'
import { checkCommand } from './check.ts'
import { codecServerCommand } from './codec-server.ts'
import { devCommand } from './dev.ts'
import { doctorCommand } from './doctor.ts'
import { explainCommand } from './explain.ts'
import { initCommand } from './init.ts'
import { outboxCommand } from './outbox.ts'
import { payloadKeyCommand } from './payload-key.ts'
import { reloadCommand } from './reload.ts'
import { revokeCommand } from './revoke.ts'
import { schemaCommand } from './schema.ts'
import { serveCommand } from './serve.ts'
import { testCommand } from './test.ts'
import { versionCommand } from './version.ts'
import { workerCommand } from './worker.ts'

/** 0 right, 1 findings or failure, 2 usage. */
const USAGE = 2
const HELP_HINT = '--help shows what there is'

const program = new Command('haproxy-temporal')
  .description('Identity-aware, durable request handling for HAProxy, with Temporal behind it.')
  .version(VERSION)
  .showHelpAfterError(`(${HELP_HINT})`)
  .addHelpText('after', '\nExit codes: 0 right, 1 findings or failure, 2 usage.')
  .exitOverride()

for (const command of [
  initCommand(),
  devCommand(),
  serveCommand(),
  workerCommand(),
  checkCommand(),
  testCommand(),
  explainCommand(),
  schemaCommand(),
  doctorCommand(),
  outboxCommand(),
  actorIdCommand(),
  actorKeyCommand(),
  apiKeyCommand(),
  payloadKeyCommand(),
  codecServerCommand(),
  reloadCommand(),
  revokeCommand(),
  versionCommand(),
]) {
  // Exceptions instead of exits, and the hint after an error: commands that were made elsewhere do not inherit them.
  program.addCommand(command.copyInheritedSettings(program))
}

try {
  await program.parseAsync()
} catch (error) {
  process.exitCode = report(error)
}

function report(error: unknown): number {
  const json = process.argv.includes('--json')
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return 0
    // Commander has told it on standard error.
    const message = error.message.replace(/^error: /, '').replaceAll('\n', ' ')
    if (json) console.log(JSON.stringify({ ok: false, code: 'USAGE', message, hint: `${HELP_HINT}.` }))
    return USAGE
  }
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
