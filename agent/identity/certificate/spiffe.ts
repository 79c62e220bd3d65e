/** A SPIFFE ID (SPIFFE-ID specification, section 2). */
export interface SpiffeId {
  readonly trustDomain: string
  /** At least one: the ID of a trust domain itself names no workload. */
  readonly segments: readonly string[]
}

const TRUST_DOMAIN = /^[a-z0-9._-]{1,255}$/
const SEGMENT = /^[A-Za-z0-9._-]+$/
const SCHEME = 'spiffe://'

/** Bytes. The specification demands support of 2048; subjects end at 1024 here. */
const MAX_LENGTH = 1024

export function isTrustDomain(text: string): boolean {
  return TRUST_DOMAIN.test(text)
}

/**
 * Reads the SPIFFE ID of a workload. Nothing is normalised: scheme and trust domain in small letters, no user, port,
 * query, fragment or percent-encoding, no empty or dot segment, no slash at the end.
 */
export function parseSpiffeId(uri: string): SpiffeId | undefined {
  if (uri.length > MAX_LENGTH || !uri.startsWith(SCHEME)) return undefined
  const [trustDomain = '', ...segments] = uri.slice(SCHEME.length).split('/')
  if (!isTrustDomain(trustDomain) || segments.length === 0) return undefined
  for (const segment of segments) {
    if (!SEGMENT.test(segment) || segment === '.' || segment === '..') return undefined
  }
  return { trustDomain, segments }
}
