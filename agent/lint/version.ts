/** A version of HAProxy as numbers: `[major, minor, patch, development]`, each compared in turn. */
export type HaproxyVersion = readonly [major: number, minor: number, patch: number, development: number]

const LAST = Number.MAX_SAFE_INTEGER

/**
 * `3.2.26-1`, `3.1-dev4` and `3.0`; without a patch level the newest of its branch is meant.
 * @returns `undefined` for what is no version
 */
export function parseVersion(text: string): HaproxyVersion | undefined {
  const found = /^(\d+)\.(\d+)(?:\.(\d+))?(?:-dev(\d+))?(?:[-+].*)?$/.exec(text.trim())
  if (found === null) return undefined
  const [, major, minor, patch, development] = found
  // What is under development comes before the first release of its branch.
  if (development !== undefined) return [Number(major), Number(minor), 0, Number(development)]
  return [Number(major), Number(minor), patch === undefined ? LAST : Number(patch), LAST]
}

export function isAtLeast(version: HaproxyVersion, other: HaproxyVersion): boolean {
  for (const [i, part] of version.entries()) {
    const against = other[i] ?? 0
    if (part !== against) return part > against
  }
  return true
}

/** `3.2`. */
export function branchOf([major, minor]: HaproxyVersion): string {
  return `${major}.${minor}`
}

/** SPOE was written anew for 3.1: what holds for one side does not for the other. */
export const REWRITTEN: HaproxyVersion = [3, 1, 0, 4]
