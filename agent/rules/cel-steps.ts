import { type ASTNode, EvaluationError } from '@marcbachmann/cel-js'
import { sizeOf, spend, spendDeep } from './cel-limits.ts'
import { joinTexts, lowerAscii, upperAscii } from './cel-functions.ts'
import { isMacro, literalText, Refused, type Step, typeOf } from './cel-node.ts'
import {
  meteredComparison,
  meteredFunction,
  meteredMethod,
  meteredSum,
  readingCost,
  searchCost,
} from './cel-metering.ts'
import { timeStep, ZONED_FIELDS, zonedFieldStep } from './cel-time.ts'
import { compileNetworks } from './network.ts'
import { compileRegex } from './regex.ts'

/** Where a node stands. */
export interface Standing {
  readonly inLoop: boolean
  /** Whether the expression can make lists that hold one value many times: `cel.bind` and `map`. */
  readonly shares: boolean
}

/**
 * The step that replaces the library's, for functions that are compiled at load, and to bound what others may cost.
 * Undefined where the library's does.
 */
export function stepOf(node: ASTNode, standing: Standing): Step | Refused | undefined {
  if (isMacro(node)) return undefined
  if (node.op === 'rcall') {
    const [name, receiver, args] = node.args
    const special = METHODS.get(name)?.(node, receiver, args)
    if (special !== undefined) return special
    const [wanted] = args
    if (SEARCHES.has(name) && wanted !== undefined && literalText(wanted) === undefined) {
      return meteredMethod([receiver, ...args], searchCost)
    }
    if (standing.inLoop || GROWING.has(name)) return meteredMethod([receiver, ...args], readingCost)
    return literalSearchStep(name, receiver, wanted)
  }
  if (node.op === 'call') {
    const [name, args] = node.args
    const special = FUNCTIONS.get(name)?.(node, args)
    if (special !== undefined) return special
    if (standing.inLoop || GROWING.has(name)) return meteredFunction(args)
  }
  if (node.op === '+' && !FIXED.has(typeOf(node) ?? '')) return meteredSum(...node.args)
  if (node.op === '==' || node.op === '!=' || node.op === 'in') {
    const [left, right] = node.args
    if (FIXED.has(typeOf(left) ?? '') && FIXED.has(typeOf(right) ?? '')) return undefined
    // With a literal a comparison takes no longer than the literal.
    if (node.op !== 'in' && (left.op === 'value' || right.op === 'value')) return undefined
    if (standing.shares) return meteredComparison(left, right, spendDeep)
    if (standing.inLoop) return meteredComparison(left, right, (value) => spend(sizeOf(value)))
    if (node.op === 'in') return literalMemberStep(left, right)
  }
  return undefined
}

/** Functions whose results are longer than what they are given, or may be. */
const GROWING: ReadonlySet<string> = new Set(['split', 'hex', 'base64', 'string', 'bytes', 'trim', 'substring'])

/** Functions that look for one text in another: what they take may grow with the product of the lengths. */
const SEARCHES: ReadonlySet<string> = new Set(['contains', 'indexOf', 'lastIndexOf', 'split'])

/** Types whose values have one size. */
const FIXED: ReadonlySet<string> = new Set([
  'int',
  'uint',
  'double',
  'bool',
  'null',
  'google.protobuf.Timestamp',
  'google.protobuf.Duration',
])

type MethodStep = (node: ASTNode, receiver: ASTNode, args: readonly ASTNode[]) => Step | Refused | undefined
type FunctionStep = (node: ASTNode, args: readonly ASTNode[]) => Step | Refused | undefined

const METHODS: ReadonlyMap<string, MethodStep> = new Map<string, MethodStep>([
  ['matches', (node, receiver, [pattern]) => matchesStep(node, receiver, pattern)],
  ['join', (_, receiver, [separator]) => joinStep(receiver, separator)],
  ['lowerAscii', (_, receiver) => textStep(receiver, lowerAscii)],
  ['upperAscii', (_, receiver) => textStep(receiver, upperAscii)],
  ['json', (node) => new Refused(node, 'json() is not available: what a text nests is not bounded', 'Read claims.')],
  ...ZONED_FIELDS.map((name): [string, MethodStep] => [name, zonedFieldStep]),
])

const FUNCTIONS: ReadonlyMap<string, FunctionStep> = new Map<string, FunctionStep>([
  ['inNetwork', (node, [address, networks]) => inNetworkStep(node, address, networks)],
  ['timestamp', (_, [text]) => timeStep('timestamp', text)],
  ['duration', (_, [text]) => timeStep('duration', text)],
])

function matchesStep(node: ASTNode, receiver: ASTNode, pattern: ASTNode | undefined): Step | Refused {
  const literal = literalText(pattern)
  if (literal === undefined) {
    return new Refused(
      pattern ?? node,
      'matches() needs its pattern as a literal: it is compiled at load',
      'Write request.path.matches("^/v[0-9]+/"), or compare with ==, startsWith() and contains().',
    )
  }
  const regex = compileRegex(literal)
  if (typeof regex === 'string') {
    return new Refused(pattern ?? node, regex, 'Patterns are RE2: no lookaround, no backreferences.')
  }
  return (evaluator, _, context) => {
    const text = evaluator.run(receiver, context)
    if (typeof text !== 'string') throw new EvaluationError('matches() needs a text')
    spend(text.length)
    return regex.test(text)
  }
}

function inNetworkStep(node: ASTNode, address: ASTNode | undefined, networks: ASTNode | undefined): Step | Refused {
  const entries = networks?.op === 'list' ? networks.args.map(literalText) : [literalText(networks)]
  const literals = entries.filter((entry) => entry !== undefined)
  if (address === undefined || literals.length < entries.length) {
    return new Refused(
      networks ?? node,
      'inNetwork() needs its networks as literals: they are compiled at load',
      'Write inNetwork(connection.source, "10.0.0.0/8") or a list: ["10.0.0.0/8", "!10.9.0.0/16"].',
    )
  }
  const matches = compileNetworks(literals)
  if (typeof matches === 'string') return new Refused(networks ?? node, matches)
  return (evaluator, _, context) => {
    const text = evaluator.run(address, context)
    if (typeof text !== 'string') throw new EvaluationError('inNetwork() needs an address as a text')
    return matches(text)
  }
}

/** The commonest questions about a text, without the lists of arguments that the library makes for calls. */
function literalSearchStep(name: string, receiver: ASTNode, wanted: ASTNode | undefined): Step | undefined {
  const literal = literalText(wanted)
  if (literal === undefined || typeOf(receiver) !== 'string') return undefined
  switch (name) {
    case 'startsWith':
      return (evaluator, _, context) => (evaluator.run(receiver, context) as string).startsWith(literal)
    case 'endsWith':
      return (evaluator, _, context) => (evaluator.run(receiver, context) as string).endsWith(literal)
    case 'contains':
      return (evaluator, _, context) => (evaluator.run(receiver, context) as string).includes(literal)
    default:
      return undefined
  }
}

/** `"admin" in identity.roles`, without comparing types first. */
function literalMemberStep(value: ASTNode, list: ASTNode): Step | undefined {
  const literal = literalText(value)
  if (literal === undefined || typeOf(list) !== 'list<string>') return undefined
  return (evaluator, _, context) => (evaluator.run(list, context) as string[]).includes(literal)
}

function joinStep(receiver: ASTNode, separator: ASTNode | undefined): Step {
  return (evaluator, _, context) => {
    const list = evaluator.run(receiver, context)
    const between = separator === undefined ? '' : evaluator.run(separator, context)
    if (typeof between !== 'string') throw new EvaluationError('join() needs a text between')
    return joinTexts(list, between)
  }
}

function textStep(receiver: ASTNode, change: (text: string) => string): Step {
  return (evaluator, _, context) => {
    const text = evaluator.run(receiver, context)
    if (typeof text !== 'string') throw new EvaluationError('lowerAscii() and upperAscii() need a text')
    spend(text.length)
    return change(text)
  }
}
