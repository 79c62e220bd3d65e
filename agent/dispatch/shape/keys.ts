import type { WorkflowAction } from '../command.ts'

/** What holds events back, in the order in which their keys are written. */
const PARTS = ['debounce', 'throttle', 'rateLimit'] as const
export type ShapePart = (typeof PARTS)[number]

/** No key holds one: control characters are refused in keys. */
const SEPARATOR = '\n'

type Shapes = Pick<WorkflowAction, ShapePart>

/**
 * One text for the keys of an action, the `shapeKey` of its calls: an action that has several parts has a key for each.
 *
 * @param keyOf the key of a part that the action has
 */
export function joinedKey(action: Shapes, keyOf: (part: ShapePart) => string): string {
  return PARTS.filter((part) => action[part] !== undefined)
    .map(keyOf)
    .join(SEPARATOR)
}

/**
 * The key of one part of an action.
 *
 * @param key its `shapeKey`, or the workflow id where calls have none
 */
export function partOfKey(action: Shapes, key: string, part: ShapePart): string {
  let parts = 0
  let index = 0
  for (const each of PARTS) {
    if (each === part) index = parts
    if (action[each] !== undefined) parts++
  }
  return parts === 1 ? key : (key.split(SEPARATOR)[index] ?? key)
}
