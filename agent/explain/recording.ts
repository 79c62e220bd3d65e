import type { Reply } from 'node-spoe'
import type { AuditDecision } from '../audit/decision.ts'
import type { AuditSink } from '../audit/audit.ts'
import type { Command } from '../dispatch/command.ts'
import type { Dispatcher, Ticket } from '../dispatch/dispatcher.ts'
import type { Decision } from '../rules/decision.ts'
import type { CompiledRule } from '../rules/rule.ts'

/** What HAProxy would find in a variable: an address is a text there too. */
export type Shown = string | number | boolean

/** Every disk is quick here. */
const STORED: Ticket = { number: 0, stored: Promise.resolve(true), keep() {}, refuse() {} }

/** Takes everything that the agent would send somewhere, and sends nothing. */
export class Recording {
  readonly variables = new Map<string, Shown>()
  /** What would be handed to Temporal. */
  command: Command | undefined
  /** The rule whose sampling leaves the event out. */
  leftOut: string | undefined
  record: AuditDecision | undefined
  /** Rules in shadow mode that matched, and what they would have decided. */
  readonly shadows: { readonly rule: CompiledRule; readonly decision: Decision }[] = []

  readonly reply: Reply = {
    message: '',
    settled: false,
    overflows: false,
    setVar: (_, name, value) => void this.variables.set(name, shown(value)),
    unsetVar: (_, name) => void this.variables.delete(name),
  }

  readonly dispatcher = {
    dispatch: (command: Command) => {
      this.command = command
      return true
    },
    dispatchStrict: (command: Command): Ticket => {
      this.command = command
      return STORED
    },
    leaveOut: (rule: string) => {
      this.leftOut = rule
    },
  } satisfies Pick<Dispatcher, 'dispatch' | 'dispatchStrict' | 'leaveOut'>

  readonly audit = {
    decision: (record: AuditDecision) => {
      this.record = record
    },
  } as Pick<AuditSink, 'decision'> as AuditSink

  /** Forgets the request before. */
  reset(): void {
    this.variables.clear()
    this.command = undefined
    this.leftOut = undefined
    this.record = undefined
    this.shadows.length = 0
  }
}

function shown(value: Parameters<Reply['setVar']>[2]): Shown {
  if (typeof value === 'bigint') return String(value)
  if (value === null) return ''
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64')
  return typeof value === 'object' ? value.ip : value
}
