import type { Environment } from '../config/env.ts'
import { type HaproxyVersion, isAtLeast, parseVersion } from './version.ts'

/** `undefined`: it cannot be told from here. */
export type Truth = boolean | undefined

/** What conditions are asked about. */
export interface Situation {
  readonly env: Environment
  /** `undefined`: any. */
  readonly version: HaproxyVersion | undefined
}

/** The condition of an `.if` or `.elif` line, after configuration.txt section 2.4. */
export function evaluate(text: string, situation: Situation): Truth {
  return new Expression(text, situation).value()
}

class Expression {
  #rest: string
  readonly #situation: Situation

  constructor(text: string, situation: Situation) {
    this.#rest = text.trim()
    this.#situation = situation
  }

  value(): Truth {
    const value = this.#or()
    // What is left over, HAProxy would refuse.
    return this.#rest === '' ? value : undefined
  }

  #or(): Truth {
    let value = this.#and()
    while (this.#take(/^\|\|/) !== undefined) value = not(and(not(value), not(this.#and())))
    return value
  }

  #and(): Truth {
    let value = this.#term()
    while (this.#take(/^&&/) !== undefined) value = and(value, this.#term())
    return value
  }

  #term(): Truth {
    if (this.#take(/^!/) !== undefined) return not(this.#term())
    if (this.#take(/^\(/) !== undefined) {
      const value = this.#or()
      return this.#take(/^\)/) === undefined ? undefined : value
    }
    const call = this.#take(/^(\w+)\(([^)]*)\)/)
    if (call !== undefined) return this.#predicate(call[1] ?? '', call[2] ?? '')
    const constant = this.#take(/^(?:true|false|\d+)/)?.[0]
    return constant === undefined ? false : constant !== 'false' && Number(constant) !== 0
  }

  #take(pattern: RegExp): RegExpExecArray | undefined {
    const found = pattern.exec(this.#rest)
    if (found === null) return undefined
    this.#rest = this.#rest.slice(found[0].length).trimStart()
    return found
  }

  #predicate(name: string, given: string): Truth {
    const [first = '', second = ''] = given.split(',').map((argument) => argument.trim())
    const { env, version } = this.#situation
    switch (name) {
      case 'defined':
        return env[first] !== undefined
      case 'streq':
        return first === second
      case 'strneq':
        return first !== second
      case 'strstr':
        return first.includes(second)
      case 'version_atleast':
      case 'version_before': {
        const other = parseVersion(/^\d+\.\d+$/.test(first) ? `${first}.0` : first)
        if (version === undefined || other === undefined) return undefined
        return isAtLeast(version, other) === (name === 'version_atleast')
      }
      default:
        return undefined
    }
  }
}

export function not(value: Truth): Truth {
  return value === undefined ? undefined : !value
}

export function and(a: Truth, b: Truth): Truth {
  if (a === false || b === false) return false
  return a === undefined || b === undefined ? undefined : true
}

/** Which lines count, of a file read from its beginning on. */
export class Branches {
  readonly #situation: Situation
  readonly #open: { holds: Truth; before: Truth }[] = []

  constructor(situation: Situation) {
    this.#situation = situation
  }

  /** How many conditions are open. */
  get depth(): number {
    return this.#open.length
  }

  /** @returns whether the line counts; directives themselves never do */
  next(words: readonly string[]): Truth {
    const [first = '', ...rest] = words
    const current = this.#open.at(-1)
    switch (first) {
      case '.if':
        this.#open.push({ holds: evaluate(rest.join(' '), this.#situation), before: false })
        return false
      case '.elif':
      case '.else':
        if (current === undefined) return false
        // None of those before may have held.
        current.before = not(and(not(current.before), not(current.holds)))
        current.holds = and(not(current.before), first === '.else' ? true : evaluate(rest.join(' '), this.#situation))
        return false
      case '.endif':
        this.#open.pop()
        return false
      default:
        if (/^\.(?:diag|notice|warning|alert)$/.test(first)) return false
        return this.#open.reduce<Truth>((all, { holds }) => and(all, holds), true)
    }
  }
}
