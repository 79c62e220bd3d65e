import { OPTIONAL_VARIABLES, VARIABLE_PREFIX, VARIABLES } from '../rules/variables.ts'
import type { Engine } from './engines.ts'
import type { LintInput } from './input.ts'
import { errorVariables, setByConfig } from './set-variables.ts'

/** What a variable of HAProxy holds where a rule looks at it, as far as the files tell. */
export type Held = { readonly text: string } | 'something' | 'nothing' | 'unknown'

export interface Variable {
  readonly held: Held
  /** Whether it depends on what the agent decided, or on its silence. */
  readonly telling: boolean
}

export const UNKNOWN: Variable = { held: 'unknown', telling: false }

/** Variables by their full name, such as `txn.temporal.decision`. */
export class KnownVariables {
  readonly #known: Map<string, Variable>

  constructor(known: Iterable<readonly [string, Variable]>) {
    this.#known = new Map(known)
  }

  get(name: string): Variable {
    return this.#known.get(name) ?? UNKNOWN
  }

  set(name: string, variable: Variable): void {
    this.#known.set(name, variable)
  }

  copy(): KnownVariables {
    return new KnownVariables(this.#known)
  }

  /** Whether a text names a variable that tells what the agent said. */
  areToldBy(text: string): boolean {
    return Array.from(text.matchAll(NAME), ([name]) => name).some((name) => this.get(name).telling)
  }
}

const NAME = /(?<![\w.])(?:txn|req|sess|proc|res)\.[\w.]+/g

/** What rules find when the agent has let a request in. */
export function whenAllowed(input: LintInput): KnownVariables {
  return known(input, [...errorsAs(input.ours, 'nothing'), ['decision', { held: { text: 'allow' }, telling: true }]])
}

/** What rules find when the agent has denied. It gives no route then, but nobody should have to know that. */
export function whenDenied(input: LintInput): KnownVariables {
  return known(input, [
    ...errorsAs(input.ours, 'nothing'),
    ['decision', { held: { text: 'deny' }, telling: true }],
    ['status', { held: 'something', telling: false }],
    ['reason', { held: 'something', telling: false }],
  ])
}

/** What rules find when this engine got no answer: nothing but what its own `option set-on-error` says. */
export function whenSilent(input: LintInput, engine: Engine): KnownVariables {
  const byAgent = [...VARIABLES, ...OPTIONAL_VARIABLES, ...setByConfig(input.loaded).map(({ name }) => name)]
  return known(input, [
    ...byAgent.map((name): [string, Variable] => [name, { held: 'nothing', telling: false }]),
    ['decision', { held: 'nothing', telling: true }],
    ...errorsAs(input.ours, 'nothing'),
    ...errorsAs([engine], 'something'),
  ])
}

function errorsAs(engines: readonly Engine[], held: Held): [string, Variable][] {
  return errorVariables(engines).map((name) => [name, { held, telling: true }])
}

function known({ haproxy }: LintInput, ofAgent: readonly (readonly [string, Variable])[]): KnownVariables {
  // What the rules themselves set, they have not set yet.
  const byRules = Array.from(
    haproxy.text.matchAll(/\bset-var(?:-fmt)?\(((?:txn|req)\.[\w.]+)/g),
    ([, name = '']): [string, Variable] => [name, { held: 'nothing', telling: false }],
  )
  return new KnownVariables([
    ...byRules,
    ...ofAgent.map(([name, variable]): [string, Variable] => [`txn.${VARIABLE_PREFIX}.${name}`, variable]),
  ])
}
