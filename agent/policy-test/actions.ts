import type { ActionKind } from '../dispatch/command.ts'

/** Keys of what a test expects that name the type of a workflow, as in agent.yaml. */
export const STARTS = ['start', 'signal', 'signalWithStart', 'meter', 'window'] as const

/** Those that name the id of the workflow that is signalled or ended. */
export const AIMS = ['signalTo', 'cancel', 'terminate'] as const

/** Whether an action is the one that a key of agent.yaml stands for. */
export function isAction(
  key: (typeof STARTS | typeof AIMS)[number],
  { kind, workflowType }: { readonly kind: ActionKind; readonly workflowType: string },
): boolean {
  if (key === 'signalTo') return kind === 'signal' && workflowType === ''
  if (key === 'signal' || key === 'signalWithStart') return kind === 'signal' && workflowType !== ''
  return key === kind
}
