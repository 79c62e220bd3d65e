import { type BadFile, rowsIn, rule } from './row.ts'
import { ACTIONS } from './workflows/actions.ts'
import { EXPRESSIONS } from './workflows/expressions.ts'
import { KEYS } from './workflows/keys.ts'
import { VALUES } from './workflows/values.ts'

/** The inside of `workflow: { … }`. */
const workflow = (text: string): string => rule(`workflow: { ${text} }`)

export const WORKFLOWS: BadFile[] = [
  ...rowsIn(rule, ACTIONS),
  ...rowsIn(workflow, KEYS),
  ...rowsIn(workflow, VALUES),
  ...rowsIn(workflow, EXPRESSIONS),
]
