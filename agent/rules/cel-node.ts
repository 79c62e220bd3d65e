import type { ASTNode } from '@marcbachmann/cel-js'

/**
 * How cel-js evaluates a node. After the type check and before the first evaluation a node may be given another step by
 * `setMeta`, which the library does itself for empty lists. Its public types leave that out; package.json pins the
 * version, and the tests would tell.
 */
export type Step = (evaluator: Evaluator, node: CheckedNode, context: EvaluationContext) => unknown

export interface Evaluator {
  run(node: ASTNode, context: EvaluationContext): unknown
}

export interface EvaluationContext {
  /** A variable; what loops and `cel.bind` declare comes before the facts. */
  getValue(name: string): unknown
}

/** A node after the type check. */
export interface CheckedNode {
  readonly checkedType?: { readonly name: string }
  /** The overload that the type check chose, or one that looks for it at run time. */
  readonly handle?: (...args: unknown[]) => unknown
  /** What the node runs; `alternate` and `macro` come first, where a macro has been expanded. */
  readonly meta: { evaluate: Step; readonly alternate?: ASTNode; readonly macro?: { evaluate: Step } }
  setMeta(key: 'evaluate', step: Step): this
  setMeta(key: 'macro', step: undefined): this
}

export function checked(node: ASTNode): CheckedNode {
  return node as unknown as CheckedNode
}

/** Type of a node; undefined for what the type check does not reach: the inside of `has()`. */
export function typeOf(node: ASTNode): string | undefined {
  return checked(node).checkedType?.name
}

/** Whether a node stands for an expanded macro, whose arguments are no values: a loop, `cel.bind`, `has`. */
export function isMacro(node: ASTNode): boolean {
  const { meta } = checked(node)
  return meta.alternate !== undefined || meta.macro !== undefined
}

/** Replaces how a node is evaluated. */
export function replaceStep(node: ASTNode, step: Step): void {
  checked(node).setMeta('macro', undefined).setMeta('evaluate', step)
}

/** The text of a literal; undefined for anything else. */
export function literalText(node: ASTNode | undefined): string | undefined {
  return node?.op === 'value' && typeof node.args === 'string' ? node.args : undefined
}

/** `a.b` and `a["b"]` alike; undefined for anything else. */
export function fieldOf(node: ASTNode): { object: ASTNode; name: string } | undefined {
  if (node.op === '.') return { object: node.args[0], name: node.args[1] }
  if (node.op !== '[]') return undefined
  const name = literalText(node.args[1])
  return name === undefined ? undefined : { object: node.args[0], name }
}

export interface Place {
  readonly start: number
  readonly end: number
}

/** Where an error about a node belongs: for a field its name, as cel-js has it. */
export function placeOf(node: ASTNode): Place {
  return node.op === '.' ? { start: node.pos, end: node.end } : { start: node.start, end: node.end }
}

/** Nodes right below a node. */
export function childrenOf(node: ASTNode): ASTNode[] {
  const found: ASTNode[] = []
  const collect = (value: unknown): void => {
    if (Array.isArray(value)) value.forEach(collect)
    else if (typeof value === 'object' && value !== null && 'op' in value) found.push(value as ASTNode)
  }
  collect(node.args)
  return found
}

/** Why an expression is refused although its types fit. */
export class Refused {
  readonly place: Place
  readonly message: string
  readonly hint: string | undefined

  constructor(place: Place | ASTNode, message: string, hint?: string) {
    this.place = 'op' in place ? placeOf(place) : place
    this.message = message
    this.hint = hint
  }
}
