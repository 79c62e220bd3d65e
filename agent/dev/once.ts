import { readFileSync } from 'node:fs'
import { isDeepStrictEqual } from 'node:util'
import type { Client } from '@temporalio/client'
import type { RuleCounters } from '../dispatch/counters.ts'
import { findInLog } from './haproxy-log.ts'
import { waitUntil } from './process.ts'
import { type EdgeResponse, echoOf, reasonOf, sendToEdge } from './request.ts'
import { type DemoRequest, demoRequests, SILENT_REQUESTS, type WorkflowExpectation } from './script.ts'
import type { Stack } from './stack.ts'
import { withWorkflowReader } from './workflow-reader.ts'

/** One request of the script, as `dev --once --json` prints it; `null` where there is nothing to tell. */
export interface RequestReport {
  readonly name: string
  readonly method: string
  readonly path: string
  /** Expected status. */
  readonly expected: number
  readonly status: number
  readonly decision: string | null
  readonly reason: string | null
  readonly rule: string | null
  /** Backend that HAProxy sent the request to. */
  readonly route: string | null
  readonly eventId: string | null
  readonly workflowId: string | null
  workflowType: string | null
  workflowStatus: string | null
  workflowResult: unknown
  /** What was not as expected; empty when all was right. */
  readonly failures: string[]
}

export interface OnceReport {
  readonly requests: readonly RequestReport[]
  readonly conservation: RuleCounters
  /** What is wrong beyond single requests. */
  readonly failures: readonly string[]
}

/** Sends the scripted requests, waits for what they started, stops the agent, and sends the rest. */
export async function runOnce(stack: Stack, progress: (text: string) => void): Promise<OnceReport> {
  const ca = readFileSync(stack.certificates.ca, 'utf8')
  const scripted = await demoRequests(stack.identity)
  progress(`sending ${scripted.length} requests`)
  const sent: { request: DemoRequest; report: RequestReport; requestId: string }[] = []
  for (const request of scripted) {
    const response = await sendToEdge(stack.edge.https, ca, request)
    sent.push({ request, report: await describe(stack, request, response), requestId: response.requestId })
  }

  progress('waiting for the workflows')
  await withWorkflowReader(stack, async (client) => {
    for (const { request, report, requestId } of sent) {
      if (request.expect.workflow !== undefined)
        await followWorkflow(client, request.expect.workflow, requestId, report)
    }
  })
  const conservation = await settledCounters(stack.adminUrl)

  progress(`stopping the agent, sending ${SILENT_REQUESTS.length} more`)
  await stack.agent.stop()
  for (const request of SILENT_REQUESTS) {
    const response = await sendToEdge(stack.edge.https, ca, request)
    sent.push({ request, report: await describe(stack, request, response), requestId: response.requestId })
  }
  return {
    requests: sent.map(({ report }) => report),
    conservation,
    failures: conservationFailures(
      conservation,
      sent.map(({ request }) => request),
    ),
  }
}

async function describe(
  stack: Stack,
  { name, method, path, expect }: DemoRequest,
  response: EdgeResponse,
): Promise<RequestReport> {
  const logged = await findInLog(stack.haproxy.logFile, response.requestId)
  const echo = echoOf(response)
  const reason = logged.reason ?? reasonOf(response) ?? 'none'
  const failures: string[] = []
  const compare = (what: string, actual: unknown, expected: unknown): void => {
    if (!isDeepStrictEqual(actual, expected))
      failures.push(`${what}: expected ${JSON.stringify(expected)}, got ${JSON.stringify(actual)}`)
  }
  compare('status', response.status, expect.status)
  compare('reason', reason, expect.reason)
  if (expect.rule !== undefined) compare('rule', logged.rule, expect.rule)
  if (expect.upstream !== undefined) compare('upstream', echo?.upstream, expect.upstream)
  if (expect.identity !== undefined) compare('identity headers', echo?.identity, expect.identity)
  if (expect.challenge !== undefined) {
    const challenge = String(response.headers['www-authenticate'] ?? '')
    if (!challenge.startsWith(expect.challenge))
      failures.push(`challenge: expected ${expect.challenge}…, got "${challenge}"`)
  }
  return {
    name,
    method,
    path,
    expected: expect.status,
    status: response.status,
    decision: logged.decision ?? null,
    reason,
    rule: logged.rule ?? null,
    route: echo === undefined ? null : (logged.backend ?? null),
    eventId: logged.event ?? null,
    workflowId: logged.workflow ?? null,
    workflowType: null,
    workflowStatus: null,
    workflowResult: null,
    failures,
  }
}

async function followWorkflow(
  client: Client,
  expected: WorkflowExpectation,
  requestId: string,
  report: RequestReport,
): Promise<void> {
  const id = expected.id(requestId)
  if (report.workflowId !== id) report.failures.push(`workflow id: expected ${id}, got ${report.workflowId}`)
  const handle = client.workflow.getHandle(id)
  try {
    if (expected.read === 'result')
      report.workflowResult = await untilReached(
        () => handle.result(),
        () => true,
      )
    else {
      const total = (answer: unknown): number => (answer as { total: number }).total
      report.workflowResult = await untilReached(
        () => handle.query(expected.read),
        (answer) => total(answer) >= (expected.total ?? 0),
      )
      if (total(report.workflowResult) !== expected.total)
        report.failures.push(
          `${expected.read}: expected ${expected.total} events, found ${total(report.workflowResult)}`,
        )
    }
    const described = await handle.describe()
    report.workflowType = described.type
    report.workflowStatus = described.status.name
    if (described.type !== expected.type)
      report.failures.push(`workflow type: expected ${expected.type}, got ${described.type}`)
    // A meter counts the calls of many; its records name their callers themselves.
    if (expected.read !== 'usage' && described.memo?.['actor'] === undefined)
      report.failures.push('the memo does not say who called')
  } catch (error) {
    report.failures.push(`workflow ${id}: ${(error as Error).message}`)
  }
}

/** The dispatcher is a moment behind the answer, so the workflow may not be there yet. */
async function untilReached<T>(ask: () => Promise<T>, reached: (answer: T) => boolean): Promise<T> {
  let answer: T | undefined
  let failure: unknown
  try {
    await waitUntil('the workflow', async () => {
      try {
        answer = await ask()
        return reached(answer)
      } catch (error) {
        failure = error
        return false
      }
    })
  } catch (timeout) {
    throw answer === undefined ? (failure ?? timeout) : timeout
  }
  return answer as T
}

async function settledCounters(adminUrl: string): Promise<RuleCounters> {
  let total: RuleCounters | undefined
  await waitUntil('the dispatcher to be done', async () => {
    const status = (await (await fetch(`${adminUrl}/status`)).json()) as { conservation: { total: RuleCounters } }
    total = status.conservation.total
    return total.pending === 0
  })
  return total as RuleCounters
}

function conservationFailures(counters: RuleCounters, requests: readonly DemoRequest[]): string[] {
  const { received, ...fates } = counters
  const accounted = Object.values(fates).reduce((sum, count) => sum + count, 0)
  const expected = requests.filter((request) => request.expect.workflow !== undefined).length
  const failures: string[] = []
  if (received !== accounted) failures.push(`conservation: ${received} events received, ${accounted} accounted for`)
  if (counters.delivered !== expected)
    failures.push(`events: expected ${expected} delivered, got ${counters.delivered}`)
  return failures
}
