const OFFSET = 0x811c9dc5
const PRIME = 0x01000193

/**
 * A number for an id, evenly spread over the whole numbers below 2^32, the same in every process: FNV-1a, and the finish
 * of MurmurHash3, because ids differ in a few characters only. Not for what somebody could gain by choosing an id.
 */
export function spread(id: string): number {
  let hash = OFFSET
  for (let i = 0; i < id.length; i++) hash = Math.imul(hash ^ id.charCodeAt(i), PRIME)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}
