import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { join, relative } from 'node:path'
import { claimFolder } from './claim.ts'
import { Cleanup } from './cleanup.ts'
import { type OnceReport, runOnce } from './once.ts'
import { type Stack, startStack } from './stack.ts'
import { renderReport } from './table.ts'
import { versions } from './versions.ts'
import { addressesOf, welcome } from './welcome.ts'

/** Options of `haproxy-temporal dev`. */
export interface DevOptions {
  readonly config: string
  readonly haproxy: string
  readonly spoe: string
  readonly json: boolean
  readonly once: boolean
}

/** Databases, logs and certificates of development, beside where the command runs. */
const FOLDER = '.data'

/**
 * Runs everything on this machine: until a signal, or with `once` until the scripted requests are done.
 * @param interrupted resolves with the name of a signal
 * @returns the exit code
 */
export function runDev(options: DevOptions, interrupted: Promise<string>): Promise<number> {
  return options.once ? once(options, interrupted) : serve(options, interrupted)
}

/** @returns the exit code */
async function once(options: DevOptions, interrupted: Promise<string>): Promise<number> {
  mkdirSync(FOLDER, { recursive: true })
  const folder = mkdtempSync(join(FOLDER, 'once-'))
  // After a failure the logs are what one wants to read; without logs, or after any other end, nothing should be left.
  let keep = false
  const keepLogs = (): void => {
    keep = readdirSync(folder).some((name) => name.endsWith('.log'))
    if (keep) console.error(`logs are in ${folder}`)
  }
  // As the very last thing, when no part of an interrupted start can write there any more.
  process.once('exit', () => {
    if (!keep) rmSync(folder, { recursive: true, force: true, maxRetries: 3 })
  })
  let report: OnceReport | undefined
  try {
    report = await untilSignalled(interrupted, async (cleanup, progress) => {
      const stack = await startStack({ ...options, cleanup, progress, folder, ports: 'free', ui: false })
      return runOnce(stack, progress)
    })
  } catch (error) {
    keepLogs()
    throw error
  }
  if (report === undefined) return tellInterrupted(options, 'the requests were done')
  const ok = report.failures.length === 0 && report.requests.every(({ failures }) => failures.length === 0)
  console.log(options.json ? JSON.stringify({ ok, ...reportJson(report) }) : renderReport(report))
  if (!ok) keepLogs()
  return ok ? 0 : 1
}

function reportJson(report: OnceReport): object {
  const requests = report.requests.map(({ failures, ...request }) =>
    failures.length === 0 ? request : { ...request, failures },
  )
  const failures = report.failures.length > 0 && { failures: report.failures }
  return { versions: versions(), requests, conservation: report.conservation, ...failures }
}

/**
 * Runs until a signal comes or a part of it dies.
 * @returns the exit code
 */
async function serve(options: DevOptions, interrupted: Promise<string>): Promise<number> {
  await claimFolder(FOLDER)
  let ready = false
  try {
    const code = await untilSignalled(interrupted, async (cleanup, progress) => {
      const stack = await startStack({ ...options, cleanup, progress, folder: FOLDER, ports: 'fixed', ui: true })
      ready = true
      const addresses = addressesOf(stack, relative('.', stack.certificates.ca))
      console.log(options.json ? JSON.stringify({ ok: true, ...addresses }) : welcome(addresses))
      const death = await firstDeath(stack)
      // Those that end because all is being stopped are no news.
      cleanup.throwIfStopping()
      console.error(death)
      return 1
    })
    return code ?? (ready ? 0 : tellInterrupted(options, 'everything was ready'))
  } catch (error) {
    if (!ready) throw error
    // Standard output has its one object already.
    console.error(`failed: ${(error as Error).message}`)
    return 1
  }
}

/** Waits for the first part that ends, and says how it did. */
async function firstDeath({ haproxy, agent, worker, temporal }: Stack): Promise<string> {
  const parts = [haproxy, agent, worker, temporal?.process].filter((part) => part !== undefined)
  const { part, end } = await Promise.race(parts.map(async (one) => ({ part: one, end: await one.exited })))
  return `${part.name} ${end}; its output ends with\n${part.logTail()}`
}

/**
 * Runs `work` until it is done or a signal comes, which may be in the middle of a start, and stops all that it started.
 * @returns what it returned; `undefined` after a signal
 */
async function untilSignalled<T>(
  interrupted: Promise<string>,
  work: (cleanup: Cleanup, progress: (text: string) => void) => Promise<T>,
): Promise<T | undefined> {
  const cleanup = new Cleanup()
  const progress = (text: string): void => {
    cleanup.throwIfStopping()
    console.error(`• ${text}`)
  }
  try {
    const ended = await Promise.race([work(cleanup, progress).then((result) => ({ result })), interrupted])
    if (typeof ended !== 'string') return ended.result
    console.error(`\n${ended}: stopping`)
    return undefined
  } finally {
    await cleanup.run()
  }
}

/** @returns the exit code */
function tellInterrupted({ json }: DevOptions, what: string): number {
  const [code, message, hint] = ['INTERRUPTED', `a signal came before ${what}`, 'Run it again, and let it finish.']
  if (json) console.log(JSON.stringify({ ok: false, code, message, hint }))
  return 1
}
