import type { Actors } from './actor/actors.ts'
import type { CallOptions, PlainValue, SearchType, WorkflowAction } from './dispatch/command.ts'
import { joinedKey, type ShapePart } from './dispatch/shape/keys.ts'
import { entityKey } from './event-key.ts'
import type { Expression, Facts } from './rules/cel.ts'
import type { CompiledCall, CompiledShape } from './rules/rule.ts'
import { evaluateVariable, plainVariable } from './rules/variables.ts'

/** Key of what counts all events of a rule together. */
const WHOLE_RULE = ''

/** What of a call its request says. @param pseudonyms for keys that must not be stored as they are */
export function callOptions(
  call: CompiledCall,
  action: WorkflowAction,
  workflowId: string,
  facts: Facts,
  pseudonyms: Actors | undefined,
): CallOptions {
  const { memo, searchAttributes, startDelayMs, shape } = call
  const reason = call.reason && plainOf(call.reason, facts)
  return {
    ...(memo.length > 0 && { memo: plainValues(memo, facts) }),
    ...(searchAttributes.length > 0 && { searchAttributes: attributesOf(searchAttributes, facts) }),
    ...(typeof reason === 'string' && { reason }),
    ...(startDelayMs !== undefined && { startDelayMs }),
    ...(shape !== undefined && { shapeKey: shapeKeyOf(shape, action, workflowId, facts, pseudonyms) }),
  }
}

/** By name, what expressions give; those that give nothing are left out. */
export function plainValues(
  entries: readonly (readonly [name: string, value: Expression])[],
  facts: Facts,
): Record<string, PlainValue> {
  return Object.fromEntries(
    entries.flatMap(([name, expression]) => {
      const value = plainOf(expression, facts)
      return value === undefined ? [] : [[name, value]]
    }),
  )
}

function plainOf(expression: Expression, facts: Facts): PlainValue | undefined {
  const value = evaluateVariable(expression, facts)
  return value === undefined ? undefined : plainVariable(value)
}

function attributesOf(
  attributes: CompiledCall['searchAttributes'],
  facts: Facts,
): NonNullable<CallOptions['searchAttributes']> {
  return Object.fromEntries(
    attributes.flatMap(({ name, type, value: expression }) => {
      const value = attributeOf(type, expression, facts)
      return value === undefined ? [] : [[name, { type, value }]]
    }),
  )
}

/** Temporal refuses the whole call for one value of another type: claims may have any. */
function attributeOf(type: SearchType, expression: Expression, facts: Facts): PlainValue | undefined {
  const value = plainOf(expression, facts)
  switch (type) {
    case 'Keyword':
    case 'Text':
      return typeof value === 'string' ? value : undefined
    case 'Bool':
      return typeof value === 'boolean' ? value : undefined
    case 'Int':
      return typeof value === 'number' ? value : undefined
    case 'Double':
      return numberOf(value)
  }
}

/** Numbers with a fraction come as text, as variables of HAProxy have none. */
function numberOf(value: PlainValue | undefined): number | undefined {
  if (typeof value === 'boolean' || value === undefined || value === '') return undefined
  const number = Number(value)
  return Number.isFinite(number) ? number : undefined
}

function shapeKeyOf(
  shape: CompiledShape,
  action: WorkflowAction,
  workflowId: string,
  facts: Facts,
  pseudonyms: Actors | undefined,
): string {
  return joinedKey(action, (part: ShapePart) => {
    const expression = shape[part]
    if (expression !== undefined) return entityKey(expression, facts, pseudonyms)
    return part === 'debounce' ? workflowId : WHOLE_RULE
  })
}
