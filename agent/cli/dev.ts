import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join, relative } from 'node:path'
import { Command } from 'commander'
import { Cleanup } from '../dev/cleanup.ts'
import { runOnce } from '../dev/once.ts'
import { welcome } from '../dev/welcome.ts'
import { type StackOptions, startStack } from '../dev/stack.ts'
import { renderReport } from '../dev/table.ts'
import { configOption, haproxyOption, jsonOption, spoeOption } from './options.ts'
import { untilSignal } from './signals.ts'
import { versions } from './version.ts'

interface Options {
  readonly config: string
  readonly haproxy: string
  readonly spoe: string
  readonly json: boolean
  readonly once: boolean
}

/** Databases, logs and certificates of development, beside where the command runs. */
const FOLDER = '.data'

export function devCommand(): Command {
  return new Command('dev')
    .description('run everything on this machine: HAProxy, agent, worker, Temporal, an OpenID provider, two upstreams')
    .option('--once', 'send the scripted requests, say what happened, and end', false)
    .addOption(configOption())
    .addOption(haproxyOption())
    .addOption(spoeOption())
    .addOption(jsonOption())
    .action(async (options: Options) => {
      const interrupted = untilSignal()
      const cleanup = new Cleanup()
      try {
        const work = options.once ? once(options, cleanup) : serve(options, cleanup, interrupted)
        // A signal ends the wait at any point, also half-way through the start; the cleanup below stops what runs.
        const ended = await Promise.race([work, interrupted])
        if (typeof ended === 'string') {
          console.error(`\n${ended}: stopping`)
          process.exitCode = options.once ? 1 : 0
        } else process.exitCode = ended
      } finally {
        await cleanup.run()
      }
      // What a signal interrupted may still be waiting for something; nobody waits for it any more.
      process.exit()
    })
}

/** @returns the exit code */
async function once(options: Options, cleanup: Cleanup): Promise<number> {
  mkdirSync(FOLDER, { recursive: true })
  const folder = mkdtempSync(join(FOLDER, 'once-'))
  const stack = await startStack({ ...stackOptions(options, cleanup), folder, ports: 'free', ui: false })
  const report = await runOnce(stack, progress)
  await cleanup.run()
  const ok = report.failures.length === 0 && report.requests.every(({ failures }) => failures.length === 0)
  if (options.json) {
    const requests = report.requests.map(({ failures, ...request }) =>
      failures.length === 0 ? request : { ...request, failures },
    )
    console.log(
      JSON.stringify({
        ok,
        versions: versions(),
        requests,
        conservation: report.conservation,
        ...(report.failures.length > 0 && { failures: report.failures }),
      }),
    )
  } else console.log(renderReport(report))
  // After a failure the logs are what one wants to read.
  if (ok) rmSync(folder, { recursive: true, force: true })
  else console.error(`logs are in ${folder}`)
  return ok ? 0 : 1
}

/** Runs until a signal comes or a part of it dies. */
async function serve(options: Options, cleanup: Cleanup, interrupted: Promise<unknown>): Promise<number> {
  const stack = await startStack({ ...stackOptions(options, cleanup), folder: FOLDER, ports: 'fixed', ui: true })
  console.log(welcome(stack, relative('.', stack.certificates.ca)))
  const parts = [stack.haproxy, stack.agent, stack.worker, stack.temporal?.process].filter((part) => part !== undefined)
  const death = Promise.race(parts.map(async (part) => ({ part, end: await part.exited })))
  const ended = await Promise.race([death, interrupted.then(() => undefined)])
  if (ended === undefined) return 0
  console.error(`${ended.part.name} ${ended.end}; its output ends with\n${ended.part.logTail()}`)
  return 1
}

function stackOptions(
  { config, haproxy, spoe }: Options,
  cleanup: Cleanup,
): Omit<StackOptions, 'folder' | 'ports' | 'ui'> {
  return { config, haproxy, spoe, cleanup, progress }
}

function progress(text: string): void {
  console.error(`• ${text}`)
}
