import { scrub } from '../audit/scrub.ts'
import { loadConfig } from '../config/load.ts'
import { type AssumedCaller, readAssumed } from './assumed.ts'
import { explain, type ExplainResult } from './explain.ts'
import { requestOf, type RequestOptions } from './parse-request.ts'
import { render } from './render.ts'
import { auditFileOf, findRecord } from './replay/event.ts'
import { type RecordedRequest, withHost } from './replay/recorded.ts'
import { renderReplay } from './replay/render.ts'
import { replay } from './replay/replay.ts'

/** What all forms of the command take. */
export interface RunOptions {
  readonly config: string
  readonly json: boolean
  readonly all: boolean
  readonly timeoutMs: number
  /** `allow`, `deny` or a status. */
  readonly expect?: string | undefined
  /** File with the caller. */
  readonly as?: string | undefined
}

const MAX_LINE = 1000

/** Standard output is for results. */
const progress = (text: string): void => console.error(text)

/** Explains a request of the command line. @returns the exit code */
export async function explainRequest(options: RequestOptions, run: RunOptions): Promise<number> {
  const asked = requestOf(options)
  const question = asked.body === undefined ? 'check' : 'check_body'
  const loaded = loadConfig(run.config)
  return print(await explain(loaded, asked, { question, as: callerOf(run), timeoutMs: run.timeoutMs, progress }), run)
}

/** Explains a request of the past. @param log where it is looked for; undefined: in the audit records of agent.yaml */
export async function explainRecord(
  id: string,
  log: string | undefined,
  host: string | undefined,
  run: RunOptions,
): Promise<number> {
  const loaded = loadConfig(run.config)
  const found = await findRecord(log ?? auditFileOf(loaded), id)
  const record = withHost(found, host)
  const question = record.request.method === '' ? 'connect' : 'check'
  const options = { question, record, as: callerOf(run), timeoutMs: run.timeoutMs, progress } as const
  return print(await explain(loaded, record.request, options), run, record)
}

export interface TrafficOptions {
  readonly har?: string | undefined
  readonly log?: string | undefined
  readonly against?: string | undefined
  readonly host?: string | undefined
  readonly examples: number
}

/** Tells what a configuration changes for recorded traffic. @returns 0 when nothing does, 1 when something does */
export async function explainTraffic(
  { against, ...traffic }: TrafficOptions,
  { config, json, as, timeoutMs }: RunOptions,
): Promise<number> {
  const callers = as === undefined ? (traffic.har === undefined ? 'records' : 'credentials') : readAssumed(as)
  const result = await replay(loadConfig(config), against === undefined ? undefined : loadConfig(against), {
    ...traffic,
    callers,
    timeoutMs,
    progress,
  })
  const { changed, unsure } = result.summary
  const ok = changed + unsure === 0
  console.log(json ? JSON.stringify({ ok, ...result }) : renderReplay(result))
  return ok ? 0 : 1
}

function callerOf({ as }: RunOptions): AssumedCaller | undefined {
  return as === undefined ? undefined : readAssumed(as)
}

function print({ explanation, unreachable }: ExplainResult, run: RunOptions, record?: RecordedRequest): number {
  const { expect, json, all } = run
  const { decision, status } = explanation
  const met = expect === undefined || expect === decision || expect === String(status)
  const ok = met && (unreachable === undefined || expect !== undefined)
  if (json) {
    const recorded = record && { format: record.format, ...record.outcome }
    const trouble = unreachable && { code: unreachable.code, message: unreachable.message, hint: unreachable.hint }
    console.log(JSON.stringify({ ok, recorded, ...explanation, expected: expect, unreachable: trouble }))
    return ok ? 0 : 1
  }
  if (record !== undefined) console.log(`${recordedLine(record)}\nnow, with ${run.config}:\n`)
  console.log(render(explanation, { all }))
  if (!met) console.error(`expected ${expect ?? ''}, and it is ${decision} ${status}`)
  if (unreachable !== undefined) {
    console.error(`${unreachable.code}: ${unreachable.message}\n  hint: ${unreachable.hint}`)
  }
  return ok ? 0 : 1
}

function recordedLine({ format, outcome, request }: RecordedRequest): string {
  if (outcome === undefined) return `recorded (${format})`
  const { decision, status, reason, rule } = outcome
  const at = request.at === undefined ? '' : ` at ${new Date(request.at).toISOString()}`
  const verdict = decision === 'allow' ? `ALLOW ${reason}` : `DENY ${status} ${reason}`
  const line = `recorded${at} (${format}): ${verdict}, ${rule === undefined ? 'no rule matched' : `rule ${rule}`}`
  return scrub(line, MAX_LINE).replaceAll(/[\x00-\x1f\x7f-\x9f]/g, '\ufffd')
}
