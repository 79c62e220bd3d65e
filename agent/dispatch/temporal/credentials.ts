import type { Secret } from '../../secrets/secret.ts'

/** What one connection trusts and shows: a set that belongs together. */
export interface Credentials {
  readonly tls: false | TlsMaterial
  readonly apiKey: Secret | undefined
  /** Milliseconds since the epoch at which the client certificate ends; undefined without one. */
  readonly expiresAt: number | undefined
  /** What was read, by path: the same value until the file has changed. */
  readonly files: ReadonlyMap<string, unknown>
}

export interface TlsMaterial {
  /** PEM; undefined: the authorities of the system. */
  readonly ca: string | undefined
  readonly pair: { readonly cert: string; readonly key: Secret } | undefined
  /** Name that the server's certificate must carry; undefined: the host of the address. */
  readonly serverName: string | undefined
}

/** Paths of what `next` has otherwise than `before`. */
export function changedFiles(before: Credentials | undefined, next: Credentials): string[] {
  return [...next.files.keys()].filter((path) => before?.files.get(path) !== next.files.get(path))
}
