import { ERRORS, type ErrorCode } from '../errors.ts'
import { helpFor } from './key-help.ts'
import { refusalHint } from './refusal-hints.ts'

/** What to do about a problem whose finder gave no hint: read off its place and its words. */
export function defaultHint(code: ErrorCode, path: readonly PropertyKey[], message: string): string {
  const own = code === 'CONFIG_MISSING' || code === 'CONFIG_CEL' ? undefined : refusalHint(message)
  if (own !== undefined) return own
  switch (code) {
    case 'CONFIG_MISSING':
      return missingHint(path, message)
    case 'CONFIG_CONFLICT':
      return conflictHint(message)
    case 'CONFIG_DURATION': {
      const range = /outside (\S+ to \S+)$/.exec(message)?.[1]
      return range === undefined ? ERRORS.CONFIG_DURATION : `Choose a duration from ${range}.`
    }
    case 'CONFIG_INVALID':
      return invalidHint(path, message)
    default:
      return ERRORS[code]
  }
}

/** What to add, as it may be written, and what it is for. */
export function addHint(path: readonly PropertyKey[]): string {
  const help = helpFor(path)
  return help === undefined ? `Add "${String(path.at(-1))}".` : `Add \`${help.example}\`: ${help.purpose}.`
}

function missingHint(path: readonly PropertyKey[], message: string): string {
  const named =
    /^"([\w.]+)" is missing/.exec(message)?.[1] ??
    /needs? (?:an? |the |also )?"([\w.]+)"/.exec(message)?.[1] ??
    /^(?:say|expected|anyone)[^"]*"([\w.]+)"/.exec(message)?.[1]
  if (named === undefined) return refusalHint(message) ?? ERRORS.CONFIG_MISSING
  const [first = '', ...deeper] = named.split('.')
  const hint = addHint([...path, first, ...deeper])
  return deeper.length === 0 ? hint : hint.replace(/^(Add `.*?`|Add ".*?")/, `$1 below "${first}"`)
}

function conflictHint(message: string): string {
  const needs = /^"([^"]+)"[^"]*(?:needs|counts)[^"]*"([^"]+)"/.exec(message)
  return needs === null ? ERRORS.CONFIG_CONFLICT : `Add "${needs[2]}", or remove "${needs[1]}".`
}

function invalidHint(path: readonly PropertyKey[], message: string): string {
  if (/can never match/.test(message)) {
    const better = /write it (\S+)$/.exec(message)?.[1]
    const pattern = /^path "(.*)": /.exec(message)?.[1] ?? ''
    if (/[?#]/.test(pattern)) return 'A path has no query: leave out what follows the "?" or "#".'
    if (/\/\.{1,2}(?:\/|$)/.test(pattern)) return 'Write the path without "." and ".." segments.'
    if (/[;\\]|%2f/i.test(pattern)) return 'Leave out ";", "\\" and encoded slashes: requests with them are refused.'
    if (better !== undefined && better !== pattern) return `Write ${better}.`
  }
  const help = helpFor(path)
  if (help !== undefined) return `For example \`${help.example}\`: ${help.purpose}.`
  const last = path.findLast((part) => typeof part === 'string')
  return last === undefined ? ERRORS.CONFIG_INVALID : `Correct the value; docs/reference.md tells about "${last}".`
}
