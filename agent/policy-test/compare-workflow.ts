import type { Path } from '../config/document.ts'
import type { Command, PlainValue, WorkflowAction } from '../dispatch/command.ts'
import type { Answer } from '../explain/engine.ts'
import { AIMS, isAction, STARTS } from './actions.ts'
import type { Expected } from './schema.ts'

export type Compare = (path: Path, want: unknown, got: unknown) => void

/**
 * What of an event is not as a row expects it.
 * @param differ told of each difference; `same` tells it where two values are not equal
 */
export function compareWorkflow(expected: Expected['workflow'], answer: Answer, differ: Compare, same: Compare): void {
  if (expected === undefined) return
  const { command, sampledOut } = answer
  const path = ['workflow']
  const got = outcomeOf(answer)
  if (expected === 'none') {
    if (got !== undefined) differ(path, 'none', wordsOf(got))
    return
  }
  if (expected.sampledOut === true) {
    if (!sampledOut) differ([...path, 'sampledOut'], true, false)
    return
  }
  if (got === undefined) {
    differ(path, wantedOf(expected) ?? 'a workflow', sampledOut ? 'an event that sampling leaves out' : 'none')
    return
  }
  const fits = (name: 'id' | 'eventId' | (typeof AIMS)[number], id: string): void => {
    const want = expected[name]
    if (want !== undefined && !likeId(want, id)) differ([...path, name], want, id)
  }
  const { action, workflowId, key } = got
  for (const each of STARTS)
    same([...path, each], expected[each], isAction(each, action) ? action.workflowType : wordsOf(got))
  for (const each of AIMS) fits(each, isAction(each, action) ? workflowId : wordsOf(got))
  fits('id', workflowId)
  fits('eventId', command?.id ?? '')
  same([...path, 'key'], expected.key, key)
  same([...path, 'taskQueue'], expected.taskQueue, action.taskQueue)
  same([...path, 'delivery'], expected.delivery, action.delivery)
  const event = command !== undefined && 'actor' in command.body ? command.body : undefined
  same([...path, 'type'], expected.type, event?.type ?? 'none')
  same([...path, 'data'], expected.data, { ...event?.data })
  same([...path, 'memo'], expected.memo, { ...command?.call?.memo })
  same([...path, 'searchAttributes'], expected.searchAttributes, attributesOf(command))
  if (expected.sampledOut === false && sampledOut) differ([...path, 'sampledOut'], false, true)
}

/** What comes of a request in Temporal. */
interface Outcome {
  readonly action: WorkflowAction
  readonly workflowId: string
  readonly key: string
}

/** Of a window, what the variables say: the summary is made of responses. */
function outcomeOf({ command, decision, variables }: Answer): Outcome | undefined {
  if (command !== undefined) return command
  const action = decision.rule?.workflow?.action
  const key = variables['wkey']
  if (action?.kind !== 'window' || key === undefined) return undefined
  return { action, workflowId: `${action.rule}/${key}`, key: String(key) }
}

function attributesOf(command: Command | undefined): Record<string, PlainValue> {
  const given = Object.entries({ ...command?.call?.searchAttributes })
  return Object.fromEntries(given.map(([name, { value }]) => [name, value]))
}

/** `start requestHook`, `cancel order/7`. */
function wordsOf({ action, workflowId }: Outcome): string {
  const { kind, workflowType } = action
  if (workflowType !== '') return `${kind} ${workflowType}`
  return `${kind === 'signal' ? 'signalTo' : kind} ${workflowId}`
}

function wantedOf(expected: Exclude<Expected['workflow'], 'none' | undefined>): string | undefined {
  const key = [...STARTS, ...AIMS].find((one) => expected[one] !== undefined)
  return key === undefined ? undefined : `${key} ${expected[key]}`
}

/** Whether an id is as wanted, where "…" stands for any text. */
function likeId(wanted: string, id: string): boolean {
  const [first = '', ...others] = wanted.split('…')
  const last = others.pop()
  if (last === undefined) return wanted === id
  if (!id.startsWith(first)) return false
  let at = first.length
  for (const part of others) {
    const found = id.indexOf(part, at)
    if (found < 0) return false
    at = found + part.length
  }
  return id.length - last.length >= at && id.endsWith(last)
}
