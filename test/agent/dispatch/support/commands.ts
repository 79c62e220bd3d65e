import type { Body, Command, WorkflowAction } from '../../../../agent/dispatch/command.ts'
import type { Log } from '../../../../agent/dispatch/protocol.ts'
import type { EdgeEvent } from '../../../../agent/messages.ts'

const TYPES = {
  start: 'requestHook',
  signal: 'auditTrail',
  meter: 'usageMeter',
  window: 'trafficWindow',
  cancel: '',
  terminate: '',
} as const

export function action(rule: string, over: Partial<WorkflowAction> = {}): WorkflowAction {
  const kind = over.kind ?? 'start'
  return { kind, rule, workflowType: TYPES[kind], taskQueue: 'edge', delivery: 'memory', ...over }
}

/** What of a command and of its action is to be different. */
export type Over = Partial<Omit<Command, 'action'>> & Partial<WorkflowAction>

const actions = new Map<string, WorkflowAction>()

/** A command as the rules make it; `n` makes its id, which grows with time as HAProxy's unique-id does. */
export function command(n: number | string, over: Over = {}): Command {
  const { id: ownId, at, workflowId, key, tenant, body, call, rule = 'orders', ...rest } = over
  const made = action(rule, rest)
  // The same object for all commands of a rule, as the rules do it.
  const name = JSON.stringify(made)
  const known = actions.get(name) ?? made
  actions.set(name, known)
  const entity = made.kind !== 'start'
  const requestId = typeof n === 'number' ? n.toString(16).padStart(12, '0') : n
  const id = ownId ?? `${rule}/${requestId}`
  const named = key ?? (entity ? 'acme' : '')
  const event = eventOf(id, rule, requestId)
  return {
    action: known,
    id,
    at: at ?? event.at,
    workflowId: workflowId ?? (entity ? `${rule}/${named}` : id),
    key: named,
    tenant: tenant ?? 'acme',
    body: body ?? bodyOf(made.kind, event),
    ...(call !== undefined && { call }),
  }
}

function eventOf(id: string, rule: string, requestId: string): EdgeEvent {
  return {
    id,
    type: rule,
    rule,
    at: Date.now(),
    request: { id: requestId, method: 'POST', host: 'api.example', path: '/orders', query: '', source: '10.0.0.1' },
    actor: { v: 1, type: 'jwt', subject: 'user-7', tenant: 'acme', roles: ['buyer'], scopes: [], requestId, rule },
    vars: { plan: 'gold' },
  }
}

function bodyOf(kind: WorkflowAction['kind'], event: EdgeEvent): Body {
  if (kind !== 'meter') return event
  const { id, at, request } = event
  return { id, at, method: request.method, path: request.path, subject: 'user-7' }
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
