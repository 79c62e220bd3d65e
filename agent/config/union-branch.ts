import type { z } from 'zod'
import { suggest } from './suggest.ts'

type Branch = readonly z.core.$ZodIssue[]

/** Whether a branch is about another type of value altogether. */
export function isMismatch(branch: Branch): boolean {
  return branch.some((issue) => {
    if (issue.path.length > 0) return false
    if (issue.code === 'invalid_union') return issue.errors.length > 0 && issue.errors.every(isMismatch)
    return issue.code === 'invalid_type' || issue.code === 'invalid_value'
  })
}

/** The branch of a union that a value comes closest to; of equals the first. */
export function bestBranch(branches: readonly Branch[]): Branch | undefined {
  let best: Branch | undefined
  let least = Infinity
  for (const branch of branches) {
    const cost = costOf(branch)
    if (cost >= least) continue
    best = branch
    least = cost
  }
  return best
}

/** Another type costs most; then keys that the branch does not know, and those that it wants besides. */
function costOf(branch: Branch): number {
  const missing = branch.flatMap(({ path, input }) =>
    input === undefined && path.length === 1 ? [String(path[0])] : [],
  )
  let cost = isMismatch(branch) ? 1000 : 0
  for (const issue of branch) {
    if (issue.code !== 'unrecognized_keys') cost += issue.input === undefined ? 2 : 1
    // A slip of the keyboard is as good as the key.
    else for (const key of issue.keys) cost += suggest(key, missing) === undefined ? 4 : -1
  }
  return cost
}
