import { type FileTimes, type SecretConfig, SecretSource, WatchedFile } from '../../secrets/secret-file.ts'
import type { AuthResult } from '../identity.ts'
import type { ProviderStatus } from '../keys.ts'
import { type CredentialLocation, type LocationConfig, locationOf } from '../location.ts'
import { denied } from '../reasons.ts'
import type { EvidenceNeeds, Scheme, SchemeContext } from '../scheme.ts'
import { keyFormat } from './key-format.ts'
import { hmacSha256, sha256 } from './key-hash.ts'
import { KeySet, type KnownKey } from './key-set.ts'

/** Bytes: about 50 000 keys as JSON lines. */
const MAX_FILE_BYTES = 16 * 1024 * 1024

/** What a key from elsewhere may be made of. */
const PRINTABLE = /^[\x20-\x7e]+$/

/** A provider of kind `api_key`. */
export interface ApiKeySettings {
  /** Absolute path of the file of keys. */
  readonly file: string
  readonly prefix: string
  /** Keys that were made elsewhere are taken too: any text of printable ASCII. */
  readonly anyFormat: boolean
  readonly pepper?: SecretConfig | undefined
  readonly locations: readonly LocationConfig[]
  /** Readiness waits for the file. */
  readonly required: boolean
}

/** Callers who show a key that a file knows by its hash. */
export function createApiKeyScheme(
  name: string,
  settings: ApiKeySettings,
  context: SchemeContext,
  times: FileTimes = {},
): Scheme {
  return new ApiKeyScheme(name, settings, context, times)
}

class ApiKeyScheme implements Scheme {
  readonly name: string
  readonly locations: readonly CredentialLocation[]
  readonly needs: EvidenceNeeds
  readonly #settings: ApiKeySettings
  readonly #now: () => number
  readonly #keys: WatchedFile<KeySet>
  readonly #pepper: SecretSource | undefined
  readonly #ours: (text: string) => boolean

  constructor(name: string, settings: ApiKeySettings, context: SchemeContext, times: FileTimes) {
    this.name = name
    this.locations = settings.locations.map(locationOf)
    this.needs = { headers: this.locations.flatMap(({ header }) => header ?? []) }
    this.#settings = settings
    this.#now = context.now
    this.#ours = keyFormat(settings.prefix)
    this.#keys = new WatchedFile({
      path: settings.file,
      parse: (text) => KeySet.of(text, name, settings.pepper !== undefined),
      log: context.log,
      maxBytes: MAX_FILE_BYTES,
      ...times,
    })
    if (settings.pepper !== undefined) this.#pepper = new SecretSource(settings.pepper, context.log, times)
  }

  /** Keys from elsewhere have no form of their own; what begins like a signed token is left to those who verify such. */
  recognises(credential: string): boolean {
    if (credential.startsWith(`${this.#settings.prefix}_`)) return true
    return this.#settings.anyFormat && !/^eyJ[^.]*\.[^.]*\.[^.]*$/.test(credential)
  }

  authenticate(credential: string): AuthResult {
    const keys = this.#keys.value
    if (keys === undefined) return denied('secrets_unavailable')
    if (!(this.#settings.anyFormat ? PRINTABLE.test(credential) : this.#ours(credential)))
      return denied('malformed_token')
    const digest = sha256(credential)
    let known: KnownKey | undefined = keys.plain(digest)
    if (known === undefined && keys.needsPepper) {
      const pepper = this.#pepper?.current
      if (pepper === undefined) return denied('secrets_unavailable')
      known = keys.peppered(hmacSha256(credential, pepper.reveal()))
    }
    if (known === undefined) return denied('inactive')
    if (known.disabled) return denied('revoked')
    if (known.expiresAtMs <= this.#now()) return denied('expired')
    return known.identity(digest)
  }

  start(): void {
    void this.#keys.start()
    void this.#pepper?.start()
  }

  isAway(): boolean {
    return this.#keys.value === undefined
  }

  ready(): boolean {
    const pepper = this.#pepper === undefined || this.#pepper.current !== undefined
    return !this.#settings.required || (this.#keys.value !== undefined && pepper)
  }

  status(): ProviderStatus {
    const { value, goodAt, looks } = this.#keys
    const lastError = this.#keys.lastError ?? this.#pepper?.lastError
    return {
      provider: this.name,
      keys: value?.size ?? 0,
      ageS: goodAt === undefined ? null : (performance.now() - goodAt) / 1000,
      stale: value !== undefined && this.#keys.lastError !== undefined,
      ...(lastError === undefined ? {} : { lastError }),
      fetches: { ...looks },
    }
  }

  close(): void {
    this.#keys.close()
    this.#pepper?.close()
  }
}
