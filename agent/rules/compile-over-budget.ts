import type { WorkflowAction } from '../dispatch/command.ts'
import type { Expression } from './cel.ts'
import type { RuleContext } from './compile-context.ts'
import type { CompiledWindow } from './rule.ts'

/**
 * The windows of a budget, beside the rule's own action: in its namespace, as safe and as dear as its events, and with
 * nothing of what concerns one event or one workflow of it.
 *
 * @param action of the rule
 * @param keyOfRule what requests are told apart by where the budget says nothing of its own
 */
export function compileOverBudget(
  context: RuleContext,
  { rule, taskQueue, delivery, worth, namespace, priority, maxAgeMs }: WorkflowAction,
  keyOfRule: Expression | undefined,
): CompiledWindow | undefined {
  const budget = context.rule.workflow?.budget
  if (budget === undefined || budget.then === 'sample') return undefined
  const { window, key, every, maxKeys, taskQueue: own } = budget.then
  return {
    action: {
      kind: 'window',
      rule,
      workflowType: window,
      taskQueue: own ?? taskQueue,
      delivery,
      ...(worth !== undefined && { worth }),
      ...(namespace !== undefined && { namespace }),
      ...(priority !== undefined && { priority }),
      ...(maxAgeMs !== undefined && { maxAgeMs }),
    },
    keyExpression:
      key === undefined ? keyOfRule : context.expression(key, ['workflow', 'budget', 'then', 'key'], 'string'),
    everyMs: every,
    maxKeys,
  }
}
