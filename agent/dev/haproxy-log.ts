import { readFileSync } from 'node:fs'
import { waitUntil } from './process.ts'

/** One line of the log-format in haproxy.cfg; `-` and empty values are left out. */
export interface LoggedRequest {
  readonly request: string
  readonly status: number
  readonly backend?: string
  readonly decision?: string
  readonly reason?: string
  readonly rule?: string
  readonly subject?: string
  readonly event?: string
  readonly workflow?: string
  readonly spoe_error?: string
  /** Status of the connection that was lost with the first question: another agent answered the second. */
  readonly spoe_lost?: string
}

/** Waits for HAProxy's own record of a request: it tells which variables the agent set. */
export async function findInLog(logFile: string, requestId: string): Promise<LoggedRequest> {
  let found: LoggedRequest | undefined
  await waitUntil(
    `HAProxy to log request ${requestId}`,
    async () => (found = search(logFile, requestId)) !== undefined,
    undefined,
    5000,
  )
  return found as LoggedRequest
}

function search(logFile: string, requestId: string): LoggedRequest | undefined {
  const line = readFileSync(logFile, 'utf8')
    .split('\n')
    // Without the last one, which HAProxy may be writing.
    .slice(0, -1)
    .find((text) => text.startsWith(`{"request":"${requestId}"`))
  if (line === undefined) return undefined
  const entries = Object.entries(JSON.parse(line) as Record<string, string | number>)
  return Object.fromEntries(entries.filter(([, value]) => value !== '-' && value !== '')) as unknown as LoggedRequest
}
