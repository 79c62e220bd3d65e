import type { CredentialLocation } from './location.ts'

/**
 * Id of a place at which both look: one credential there would prove two providers.
 * @returns of two that read one cookie, as one of several perhaps, that cookie's
 */
export function sharedPlace(a: readonly CredentialLocation[], b: readonly CredentialLocation[]): string | undefined {
  const same = a.find((location) => b.includes(location))
  if (same !== undefined) return same.id
  const names = b.flatMap(cookiesOf)
  const name = a.flatMap(cookiesOf).find((cookie) => names.includes(cookie))
  return name === undefined ? undefined : `cookie:${name}`
}

/** Those of a session are one place: `cookie:a,b`. */
function cookiesOf({ id }: CredentialLocation): string[] {
  return id.startsWith('cookie:') ? id.slice('cookie:'.length).split(',') : []
}
