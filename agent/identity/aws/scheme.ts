import { hash } from 'node:crypto'
import type { AwsProvider } from '../../config/providers/aws.ts'
import type { Evidence } from '../evidence.ts'
import type { AuthResult } from '../identity.ts'
import { type CredentialLocation, type LocationConfig, locationOf } from '../location.ts'
import { denied } from '../reasons.ts'
import { type Asked, RemoteCache, type Told } from '../remote/cache.ts'
import { UnusableAnswerError } from '../remote/failure.ts'
import { remoteStatus, type RemoteStatus } from '../remote/status.ts'
import type { EvidenceNeeds, Scheme, SchemeContext } from '../scheme.ts'
import { callerOf } from './caller.ts'
import { type CallerRules, identityOfCaller } from './identity.ts'
import { stsHosts } from './partitions.ts'
import { headersForSts, judgePresigned, type PresignedRules } from './presigned-rules.ts'
import { parsePresigned, PREFIXES, type Presigned } from './presigned.ts'
import { Sts } from './sts.ts'
import { UsedSignatures } from './used-signatures.ts'

/** What an entry of the cache takes, claims and keys included. */
const ENTRY_BYTES = 2048
/** Per host of STS. */
const LIMITS = { maxEntries: 10_000, maxBytes: 16 * 1024 * 1024, maxNegativeEntries: 5_000 }
/** Genuine credentials remembered as used: 200 a second for five minutes. */
const MAX_USED = 60_000

const BEARER: readonly LocationConfig[] = [{ in: 'authorization', scheme: 'bearer' }]

/** A provider of kind `aws`: presigned GetCallerIdentity requests, which only AWS STS can verify. */
export function createAwsScheme(name: string, settings: AwsProvider, context: SchemeContext): Scheme {
  return new AwsScheme(name, settings, context)
}

class AwsScheme implements Scheme {
  readonly name: string
  readonly locations: readonly CredentialLocation[]
  readonly needs: EvidenceNeeds
  readonly #settings: AwsProvider
  readonly #context: SchemeContext
  readonly #hosts: ReadonlySet<string>
  readonly #presignedRules: PresignedRules
  readonly #callerRules: CallerRules
  readonly #sts: Sts
  readonly #used: UsedSignatures | undefined
  /** By host: a client chooses among them, and one that does not answer must not stand in the way of the others. */
  readonly #caches = new Map<string, RemoteCache<AuthResult>>()

  constructor(name: string, settings: AwsProvider, context: SchemeContext) {
    const { partition, regions, hosts, maxAge, maxFuture, bind } = settings
    this.name = name
    // There is no proof of a key to go with it.
    const places = (settings.token ?? BEARER).filter(
      (place) => !(place.in === 'authorization' && place.scheme === 'dpop'),
    )
    this.locations = places.map(locationOf)
    const shown = settings.shownAudience ? [settings.audienceHeader] : []
    this.needs = { headers: [...this.locations.flatMap(({ header }) => header ?? []), ...shown] }
    this.#settings = settings
    this.#context = context
    this.#hosts = hosts === undefined ? stsHosts(partition, regions) : new Set(hosts)
    this.#presignedRules = {
      audienceHeader: settings.audienceHeader,
      audience: settings.audience,
      methodHeader: bind.methodHeader,
      pathHeader: bind.pathHeader,
      maxAgeMs: maxAge,
      maxFutureMs: maxFuture,
    }
    this.#callerRules = {
      provider: name,
      partition,
      accounts: settings.accounts,
      arns: settings.arns,
      roles: settings.roles,
      accountIsTenant: settings.tenant === 'account',
      maxAgeMs: maxAge,
    }
    this.#sts = new Sts({
      endpoints: settings.endpoints,
      caFile: settings.caFile,
      proxy: settings.proxy,
      timeoutMs: settings.timeout,
      maxConnections: settings.maxPending,
    })
    if (settings.oneTime) {
      const make = (): UsedSignatures => new UsedSignatures(maxAge + maxFuture, MAX_USED)
      this.#used = context.kept?.get('aws', name, make) ?? make()
      this.#used.atLeast(maxAge + maxFuture)
    }
  }

  recognises(credential: string): boolean {
    return PREFIXES.some((prefix) => credential.startsWith(prefix))
  }

  authenticate(credential: string, evidence: Evidence): AuthResult | Promise<AuthResult> {
    const presigned = parsePresigned(credential, this.#hosts)
    if (!presigned.ok) return presigned
    const reason = judgePresigned(presigned, evidence, this.#presignedRules, this.#context.now())
    if (reason !== undefined) return denied(reason)
    const headers = headersForSts(evidence, this.#presignedRules)
    const digest = hash('sha256', credential, 'base64url')
    // The same credential means something else with other values of the bound headers.
    const key = hash('sha256', JSON.stringify([digest, headers]), 'base64url')
    const cache = this.#cacheOf(presigned.host)
    const known = cache.fresh(key)
    if (known !== undefined) return known
    const use = this.#used?.use(presigned.signature, evidence.requestId, this.#context.monotonicMs())
    if (use === 'again') return denied('replayed')
    if (use === 'full') return denied('overload')
    const asked = cache.ask(key, (signal) => this.#question(presigned, digest, headers, signal))
    // What an earlier question of this request was told stays used, whatever becomes of this one.
    const marked = use === 'first' ? presigned.signature : undefined
    return asked instanceof Promise ? asked.then((it) => this.#concluded(it, marked)) : this.#concluded(asked, marked)
  }

  /**
   * Only when none of the allowed hosts is there. Clients choose the host: one that we cannot reach at all (a firewall, a
   * region that is not enabled) is away for whoever names it, and for nobody else.
   */
  isAway(): boolean {
    for (const host of this.#hosts) if (this.#caches.get(host)?.isAway !== true) return false
    return true
  }

  status(): RemoteStatus {
    const asked = [...this.#caches.keys()]
    const endpoint = asked.length === 0 ? 'AWS STS' : asked.map((host) => `https://${host}`).join(' ')
    return remoteStatus({ provider: this.name, endpoint, away: this.isAway() }, [...this.#caches.values()])
  }

  close(): void {
    for (const cache of this.#caches.values()) cache.close()
    this.#sts.close()
  }

  #cacheOf(host: string): RemoteCache<AuthResult> {
    let cache = this.#caches.get(host)
    if (cache === undefined) {
      const { log, monotonicMs } = this.#context
      const limits = { ...LIMITS, maxPending: this.#settings.maxPending }
      cache = new RemoteCache({ provider: this.name, log, monotonicMs, limits })
      this.#caches.set(host, cache)
    }
    return cache
  }

  async #question(
    presigned: Presigned,
    digest: string,
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<Told<AuthResult>> {
    const word = await this.#sts.ask(presigned, headers, signal)
    if ('refused' in word) return this.#refusal(word.refused)
    const caller = callerOf(word.result, this.#callerRules.partition)
    if (caller === undefined) throw new UnusableAnswerError('the answer contradicts itself')
    if (caller === 'foreign') return this.#refusal('claim_invalid')
    const result = identityOfCaller(caller, presigned, digest, this.#callerRules)
    if (!result.ok) return this.#refusal(result.reason)
    // A credential that counts once is of no use to anyone later.
    const remainingMs = Math.max(0, result.identity.expiresAt * 1000 - this.#context.now())
    const freshMs = this.#used === undefined ? Math.min(this.#settings.cache, remainingMs) : 0
    return { value: result, negative: false, freshMs, bytes: ENTRY_BYTES }
  }

  #refusal(reason: Parameters<typeof denied>[0]): Told<AuthResult> {
    return { value: denied(reason), negative: true, freshMs: this.#settings.negativeCache, bytes: 0 }
  }

  /** @param marked the signature, if this question marked it as used */
  #concluded(asked: Asked<AuthResult>, marked: string | undefined): AuthResult {
    const result =
      asked === 'unavailable' ? denied('sts_unavailable') : asked === 'overload' ? denied('overload') : asked.value
    if (!result.ok) {
      if (marked !== undefined) this.#used?.release(marked)
      return result
    }
    // It may have grown too old while STS was asked.
    const expired = this.#context.now() >= result.identity.expiresAt * 1000
    return expired ? denied('expired') : result
  }
}
