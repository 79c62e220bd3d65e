/**
 * Whether a request is among a share of all, by its id alone: every record of one request is kept or none is, on whichever
 * agent. FNV-1a, then mixed, for ids of one agent differ in their last characters only. The client cannot choose the id
 * unless haproxy.cfg takes it from him.
 *
 * @param share from 0 (none) to 1 (all)
 */
export function isSampled(id: string, share: number): boolean {
  let hash = 0x811c9dc5
  for (let i = 0; i < id.length; i++) hash = Math.imul(hash ^ id.charCodeAt(i), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32 < share
}
