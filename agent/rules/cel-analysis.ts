import type { ASTNode } from '@marcbachmann/cel-js'
import { MAX_DEPTH } from './cel-limits.ts'
import { boundLoop } from './cel-metering.ts'
import { childrenOf, Refused, replaceStep } from './cel-node.ts'
import { FactReads, isTaken } from './cel-reads.ts'
import { stepOf } from './cel-steps.ts'

/** Macros that evaluate an expression once for each element of a list or map. */
const LOOPS: ReadonlySet<string> = new Set(['all', 'exists', 'exists_one', 'filter', 'map'])

/** How many elements the cost of a loop assumes. */
const LOOP_WEIGHT = 100

/**
 * Goes over a checked expression once: finds out what it reads, refuses what could not be served or could run for
 * longer than a request may, and puts cheaper and bounded steps in place of the library's.
 */
export class Analysis {
  readonly facts: FactReads
  /** Whether it can make lists that hold one value many times over. */
  readonly shares: boolean
  readonly refused: Refused | undefined
  #cost = 0

  /** @param captures names that every path of the rule gives */
  constructor(source: string, root: ASTNode, captures: ReadonlySet<string> = new Set()) {
    this.facts = new FactReads(source, captures)
    this.shares = /\b(?:bind|map)\b/.test(source)
    this.refused = this.#visit(root, 0, false)
  }

  /** Parts that are evaluated, those of loops many times over. */
  get cost(): number {
    return this.#cost
  }

  #visit(node: ASTNode, depth: number, inLoop: boolean): Refused | undefined {
    this.#cost += inLoop ? LOOP_WEIGHT : 1
    if (depth > MAX_DEPTH)
      return new Refused(node, 'the expression is nested too deeply', 'Split it into several rules.')
    const read = this.facts.note(node)
    if (read === true) return undefined
    if (read !== undefined) return read
    const method = node.op === 'rcall' ? node.args[0] : ''
    const loop = LOOPS.has(method)
    if (loop && inLoop) {
      const message = 'a loop inside a loop is not available: a token may bring lists of thousands'
      return new Refused(
        node,
        message,
        'Use "in" for the inner one: identity.claims.groups.exists(g, g in identity.roles).',
      )
    }
    let children = childrenOf(node)
    if (loop || (method === 'bind' && children.length === 4)) {
      const variable = children[1]
      if (variable?.op === 'id' && isTaken(variable.args)) {
        return new Refused(variable, `"${variable.args}" is taken`, 'Choose another name, such as x.')
      }
      children = children.filter((_, i) => i !== 1)
    }
    let before = this.#cost
    for (const [i, child] of children.entries()) {
      // The list that a loop goes over is not within it.
      const refused = this.#visit(child, depth + 1, inLoop || (loop && i > 0))
      if (refused !== undefined) return refused
      if (i === 0) before = this.#cost
    }
    if (loop && children[0] !== undefined) boundLoop(children[0], (this.#cost - before) / LOOP_WEIGHT)
    const step = stepOf(node, { inLoop, shares: this.shares })
    if (step instanceof Refused) return step
    if (step !== undefined) replaceStep(node, step)
    return undefined
  }
}
