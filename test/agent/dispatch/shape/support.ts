import type { WorkflowAction } from '../../../../agent/dispatch/command.ts'

/** An action of a rule `r`. */
export function actionOf(over: Partial<WorkflowAction> = {}): WorkflowAction {
  return { kind: 'signal', rule: 'r', workflowType: 'w', taskQueue: 'q', delivery: 'durable', ...over }
}
