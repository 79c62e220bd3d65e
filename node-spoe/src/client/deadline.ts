/**
 * Calls `expire` after `ms`, but not before what has come meanwhile was read: after a stall of this process its timers
 * run first, and would call an answer late that was there in time. Returns what cancels it.
 */
export function deadline(ms: number, expire: () => void): () => void {
  let immediate: NodeJS.Immediate | undefined
  const timer = setTimeout(() => {
    immediate = setImmediate(expire)
  }, ms)
  return () => {
    clearTimeout(timer)
    clearImmediate(immediate)
  }
}
