import { readFileSync } from 'node:fs'
import { SpopError } from '../errors.ts'
import { DECODE_HELP, decodeCommand } from './decode.ts'
import { printable } from './escape.ts'
import { UsageError } from './usage-error.ts'

const USAGE = 2

// A reader that has seen enough, such as head(1), is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1))

try {
  process.exitCode = await run(process.argv.slice(2))
} catch (error) {
  process.exitCode = report(error)
}

function run([command, ...rest]: readonly string[]): Promise<number> {
  switch (command) {
    case 'decode':
      return decodeCommand(rest, process)
    case '--version':
    case 'version':
      return print(`${version()}\n`)
    case '--help':
    case '-h':
    case 'help':
      return print(DECODE_HELP)
    case undefined:
      throw new UsageError('which command? There is decode')
    default:
      throw new UsageError(`there is no command ${JSON.stringify(command)}, only decode`)
  }
}

function print(text: string): Promise<number> {
  process.stdout.write(text)
  return Promise.resolve(0)
}

function version(): string {
  const { version: text } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string
  }
  return text
}

function report(error: unknown): number {
  const usage = error instanceof UsageError
  const message = error instanceof Error ? error.message : String(error)
  // A failure that is not in the table is one of the system, such as a file that must not be read, or a defect.
  const known = usage || error instanceof SpopError || (error instanceof Error && 'code' in error)
  const text = known || process.env['DEBUG'] === undefined ? message : (error as Error).stack
  process.stderr.write(`node-spoe: ${printable(text ?? message)}\n`)
  if (usage) process.stderr.write('(node-spoe --help shows what there is)\n')
  return usage ? USAGE : 1
}
