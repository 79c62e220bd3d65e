import type { Command } from '../../../../agent/dispatch/command.ts'
import type { Entry } from '../../../../agent/dispatch/job.ts'
import type { Log } from '../../../../agent/dispatch/protocol.ts'

const QUEUE = { start: 'requestHook', signal: 'auditTrail', meter: 'usageMeter' } as const

/** A command as the rules make it; `n` makes its id, which grows with time as HAProxy's unique-id does. */
export function command(n: number | string, over: Partial<Command> = {}): Command {
  const rule = over.rule ?? 'orders'
  const kind = over.kind ?? 'start'
  const key = over.key ?? (kind === 'start' ? '' : 'acme')
  const requestId = typeof n === 'number' ? n.toString(16).padStart(12, '0') : n
  const id = `${rule}/${requestId}`
  return {
    kind,
    rule,
    workflowType: QUEUE[kind],
    taskQueue: 'edge',
    delivery: 'memory',
    workflowId: kind === 'start' ? id : `${rule}/${key}`,
    key,
    event: {
      id,
      type: rule,
      rule,
      at: Date.now(),
      request: { id: requestId, method: 'POST', host: 'api.example', path: '/orders', query: '', source: '10.0.0.1' },
      actor: { v: 1, type: 'jwt', subject: 'user-7', tenant: 'acme', roles: ['buyer'], scopes: [], requestId, rule },
      vars: { plan: 'gold' },
    },
    ...over,
  }
}

export function entry(n: number | string, over: Partial<Command> = {}, seq = 0): Entry {
  return { command: command(n, over), rule: 0, seq, from: 'hot' }
}

export interface RecordedLog extends Log {
  readonly lines: { readonly level: string; readonly fields: object; readonly message: string }[]
  /** Messages of one level. */
  at(level: string): string[]
}

export function recordedLog(): RecordedLog {
  const lines: RecordedLog['lines'] = []
  const line = (level: string) => (fields: object, message: string) => void lines.push({ level, fields, message })
  return {
    lines,
    at: (level) => lines.filter((l) => l.level === level).map((l) => l.message),
    debug: line('debug'),
    info: line('info'),
    warn: line('warn'),
    error: line('error'),
  }
}
