import type { z } from 'zod'
import type { ErrorCode } from '../errors.ts'
import type { ConfigDocument, Path } from './document.ts'
import { addHint, defaultHint } from './hints.ts'
import type { Problem } from './problem.ts'
import { mappingsAt, requiredKeys } from './schema-walk.ts'
import { suggest } from './suggest.ts'
import { explainUnknownKey } from './unknown-key.ts'
import { bestBranch, isMismatch } from './union-branch.ts'
import { where, wording, wrongTypeHint } from './wording.ts'

interface Found {
  readonly problem: Problem
  /** The key that is missing, or the one that an unknown key was meant to be, with its path. */
  readonly missing?: string
  readonly meant?: string
}

/** Turns what the schema says about a file into problems with places and hints. */
export class ZodProblems {
  readonly #schema: z.core.$ZodType
  readonly #document: ConfigDocument
  readonly #value: unknown

  constructor(schema: z.core.$ZodType, document: ConfigDocument, value: unknown) {
    this.#schema = schema
    this.#document = document
    this.#value = value
  }

  /** A key that is misspelt is not missing besides. */
  of(issues: readonly z.core.$ZodIssue[]): Problem[] {
    const found = issues.flatMap((issue) => this.#found(issue))
    const meant = new Set(found.flatMap((one) => one.meant ?? []))
    return found.flatMap(({ problem, missing }) => (missing !== undefined && meant.has(missing) ? [] : [problem]))
  }

  #found(issue: z.core.$ZodIssue): Found[] {
    const path = this.#written(issue.path)
    if (this.#document.isUnresolved(path)) return []
    switch (issue.code) {
      case 'unrecognized_keys':
        return issue.keys.map((key) => this.#unknownKey(issue.path, key))
      case 'invalid_union':
        return this.#union(path, issue)
      case 'invalid_key': {
        const [key, parent] = [String(path.at(-1)), path.slice(0, -1)]
        const message = issue.issues[0]?.message ?? issue.message
        const hint = `Rename "${key}": ${message.replace(/^expected /, '')}.`
        return [{ problem: this.#document.atKey('CONFIG_INVALID', parent, key, `key "${key}": ${message}`, hint) }]
      }
      case 'custom':
        // What goes together is not known yet, but what is missing is.
        if (issue.params?.['code'] !== 'CONFIG_MISSING' && this.#document.holdsUnresolved(path)) return []
        return [{ problem: this.#custom(path, issue) }]
      default:
        return [this.#invalid(path, issue)]
    }
  }

  #unknownKey(judged: Path, key: string): Found {
    const { hint, meant } = explainUnknownKey(this.#schema, this.#value, judged, key)
    const path = this.#written(judged)
    const problem = this.#document.atKey('CONFIG_UNKNOWN_KEY', path, key, `unknown key "${key}"${where(path)}`, hint)
    return { problem, ...(meant !== undefined && { meant: JSON.stringify([...path, meant]) }) }
  }

  #custom(path: Path, issue: z.core.$ZodIssueCustom): Problem {
    const { code, hint } = (issue.params ?? {}) as { code?: ErrorCode; hint?: string }
    const extra = hint === undefined ? {} : { hint }
    if (code !== undefined) {
      // Most messages name their keys; what is only expected does not.
      const bare = code === 'CONFIG_INVALID' && issue.message.startsWith('expected ')
      const message = bare ? `${this.#named(path)}: ${issue.message}` : issue.message
      const key = code === 'CONFIG_MISSING' ? undefined : aboutKey(message)
      if (key !== undefined && this.#document.hasKey(path, key)) {
        return this.#document.atKey(code, path, key, message, hint)
      }
      return this.#document.atValue(code, path, message, extra)
    }
    return this.#wrong(issue.path, issue.message, issue.input, hint)
  }

  #invalid(path: Path, issue: z.core.$ZodIssue): Found {
    if (issue.input === undefined || (issue.input === null && path.length === 0)) return this.#missing(path)
    const allowed = issue.code === 'invalid_value' ? issue.values.map(String) : []
    return { problem: this.#wrong(issue.path, wording(issue), issue.input, allowedHint(issue.input, allowed)) }
  }

  #missing(path: Path): Found {
    if (path.length === 0) {
      const hint = 'Begin with "version: 1", or copy the shipped agent.yaml.'
      return { problem: this.#document.atValue('CONFIG_MISSING', path, 'the file is empty', { hint }) }
    }
    const parent = path.slice(0, -1)
    const last = path.at(-1)
    const message =
      typeof last === 'number' ? `an entry is missing${where(parent)}` : `"${String(last)}" is missing${where(parent)}`
    const problem = this.#document.atValue('CONFIG_MISSING', parent, message, { hint: addHint(path) })
    return { problem, missing: JSON.stringify(path) }
  }

  /** Of the branches of a union, the one that got furthest says best what is wrong. */
  #union(path: Path, issue: z.core.$ZodIssueInvalidUnion): Found[] {
    const { discriminator, options } = issue as { discriminator?: string; options?: readonly unknown[] }
    if (discriminator !== undefined && issue.errors.length === 0) {
      return [this.#discriminator(path, issue, (options ?? []).filter((option) => option !== undefined).map(String))]
    }
    if (issue.input === undefined) return [this.#missing(path)]
    const branch = bestBranch(issue.errors)
    if (branch !== undefined && !isMismatch(branch)) {
      return branch.flatMap((inner) => this.#found({ ...inner, path: [...issue.path, ...inner.path] }))
    }
    const allowed = issue.errors.flatMap((inner) =>
      inner.flatMap((one) => (one.code === 'invalid_value' ? one.values.map(String) : [])),
    )
    const near =
      typeof issue.input === 'string' &&
      [issue.input, suggest(issue.input, allowed)].some((word) => word !== undefined && allowed.includes(word))
    const hint = near ? allowedHint(issue.input, allowed) : undefined
    return [{ problem: this.#wrong(issue.path, wording(issue), issue.input, hint) }]
  }

  /** The key that says which alternative is meant, such as `kind`. */
  #discriminator(path: Path, issue: z.core.$ZodIssueInvalidUnion, options: readonly string[]): Found {
    const owner = issue.input as Record<PropertyKey, unknown> | undefined
    const key = path.at(-1) ?? ''
    const value = typeof owner === 'object' && owner !== null ? owner[key] : owner
    if (value === undefined) {
      const found = this.#missing(path)
      return { ...found, problem: { ...found.problem, hint: `Add "${String(key)}": one of ${options.join(', ')}.` } }
    }
    const message = issue.message.startsWith('Invalid ') ? `expected one of ${options.join(', ')}` : issue.message
    return { problem: this.#wrong(issue.path, message, value, allowedHint(value, options)) }
  }

  /** A value that is there and wrong. */
  #wrong(judged: Path, text: string, input: unknown, given?: string): Problem {
    const path = this.#written(judged)
    const isDuration = text.startsWith('expected a duration')
    const isAddress = /^expected an address|^expected a port/.test(text) && path[0] !== 'temporal'
    const code = isDuration ? 'CONFIG_DURATION' : isAddress ? 'CONFIG_ADDRESS' : 'CONFIG_INVALID'
    const message = `${path.length === 0 ? 'the file' : this.#named(path)}: ${text}`
    const known = mappingsAt(this.#schema, this.#value, judged)
    const around = mappingsAt(this.#schema, this.#value, judged.slice(0, -1)).filter(({ fits }) => fits)
    const keys = {
      // Of several kinds nobody knows which one was meant.
      required: known.length === 1 ? known.flatMap(requiredKeys) : [],
      known: known.flatMap(({ shape }) => Object.keys(shape)),
      optional: !around.some((mapping) => requiredKeys(mapping).includes(String(path.at(-1)))),
    }
    const hint = given ?? wrongTypeHint(text, input, keys) ?? defaultHint(code, path, message)
    return this.#document.atValue(code, path, message, { hint })
  }

  /** `host`, or `host[1]` in a list. */
  #named(path: Path): string {
    const at = path.findLastIndex((part) => typeof part !== 'number')
    const indexes = path.slice(at + 1).map((part) => `[${String(part)}]`)
    return `${at === -1 ? 'entry' : String(path[at])}${indexes.join('')}`
  }

  /** The path as the file has it: one item may stand for a list, and a text for the mapping that it is short for. */
  #written(path: Path): Path {
    const written: PropertyKey[] = []
    let value = this.#value
    for (const part of path) {
      if (typeof part === 'number' ? !Array.isArray(value) : isScalar(value)) continue
      written.push(part)
      value = typeof value === 'object' && value !== null ? (value as Record<PropertyKey, unknown>)[part] : undefined
    }
    return written
  }
}

/** The key that a message about a mapping names as the one that is wrong. */
function aboutKey(message: string): string | undefined {
  return /takes no "(\w+)"/.exec(message)?.[1] ?? /^(?:either |the variable )?"(\w+)[".]/.exec(message)?.[1]
}

function isScalar(value: unknown): boolean {
  return value !== undefined && (typeof value !== 'object' || value === null)
}

function allowedHint(input: unknown, allowed: readonly string[]): string | undefined {
  if (allowed.length === 0) return undefined
  if (typeof input === 'string' && allowed.includes(input)) return `Write ${input} without quotes.`
  if (typeof input === 'string' && /^(?:HS\d+|none)$/i.test(input) && allowed.includes('RS256')) {
    return 'Only signatures that a public key verifies are taken, such as RS256 and ES256.'
  }
  const close = typeof input === 'string' ? suggest(input, allowed) : undefined
  if (close !== undefined) return `Did you mean "${close}"?`
  return allowed.length === 1 ? `Write ${allowed[0]}.` : `Write one of ${allowed.join(', ')}.`
}
