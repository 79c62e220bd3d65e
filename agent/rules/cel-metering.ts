import { type ASTNode, EvaluationError } from '@marcbachmann/cel-js'
import { bounded, MAX_LOOP, PART_WORK, sizeOf, spend } from './cel-limits.ts'
import { type CheckedNode, checked, type Step } from './cel-node.ts'

/** What a call on these values takes, see MAX_WORK. */
export type Cost = (values: readonly unknown[]) => number

/** What reading everything once takes. */
export function readingCost(values: readonly unknown[]): number {
  let cost = 0
  for (const value of values) cost += sizeOf(value)
  return cost
}

/** What looking for the second text in the first takes at worst; eight comparisons are one unit. */
export function searchCost(values: readonly unknown[]): number {
  return readingCost(values) + (sizeOf(values[0]) * sizeOf(values[1])) / 8
}

export function meteredMethod(operands: readonly ASTNode[], cost: Cost): Step {
  return (evaluator, node, context) => {
    const values = operands.map((operand) => evaluator.run(operand, context))
    spend(cost(values))
    return paid(call(node, values, evaluator, node))
  }
}

export function meteredFunction(operands: readonly ASTNode[]): Step {
  return (evaluator, node, context) => {
    const values = operands.map((operand) => evaluator.run(operand, context))
    spend(readingCost(values))
    return paid(call(node, values, node, evaluator))
  }
}

export function meteredSum(left: ASTNode, right: ASTNode): Step {
  return (evaluator, node, context) =>
    paid(call(node, evaluator.run(left, context), evaluator.run(right, context), node, evaluator))
}

/** A comparison, or a search in a list, goes no deeper than its right side does. */
export function meteredComparison(left: ASTNode, right: ASTNode, weigh: (value: unknown) => void): Step {
  return (evaluator, node, context) => {
    const a = evaluator.run(left, context)
    const b = evaluator.run(right, context)
    weigh(b)
    return call(node, a, b, node, evaluator)
  }
}

function paid(value: unknown): unknown {
  spend(sizeOf(bounded(value)))
  return value
}

function call(node: CheckedNode, ...args: unknown[]): unknown {
  if (node.handle === undefined) throw new EvaluationError('evaluated without having been checked')
  return node.handle(...args)
}

/**
 * Bounds how many entries a loop goes over, and how often the parts of its body run.
 * @param list the node that gives the entries
 * @param parts of the body
 */
export function boundLoop(list: ASTNode, parts: number): void {
  const { meta } = checked(list)
  const entries = (value: unknown): unknown => {
    const count = Array.isArray(value) ? value.length : Object.keys(value ?? {}).length
    if (count > MAX_LOOP) throw new EvaluationError(`a loop over ${count} entries: ${MAX_LOOP} at most`)
    spend(count * parts * PART_WORK)
    return value
  }
  // Another loop's node runs its expansion instead, `cel.bind` what the macro says.
  const holder = meta.alternate === undefined ? (meta.macro ?? meta) : checked(meta.alternate).meta
  const { evaluate } = holder
  holder.evaluate = (evaluator, node, context) => entries(evaluate(evaluator, node, context))
}
