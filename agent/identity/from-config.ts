import type { AgentConfig } from '../config/schema.ts'
import { SecretSource } from '../secrets/secret-file.ts'
import { type Authenticator, createAuthenticator } from './authenticator.ts'
import { checkBinding } from './binding.ts'
import { replayLimits, ReplayStore } from './dpop/replay-store.ts'
import { createDpopVerifier, type DpopVerifier } from './dpop/verifier.ts'
import type { Identity } from './identity.ts'
import { Kept } from './kept.ts'
import type { Log } from './log.ts'
import { providerConfigs } from './provider-configs.ts'
import { createRateLimitKey, PseudonymKey } from './pseudonym.ts'
import type { Requirement } from './requirement.ts'
import { RevocationMemory, Revocations } from './revocation/revocations.ts'
import { createSchemes } from './schemes.ts'

/** Everything that proves callers, as a configuration wants it. */
export interface IdentityParts {
  readonly authenticator: Authenticator
  readonly revocations: Revocations
  /** For `txn.temporal.rlkey`; undefined where nobody asked for it. */
  readonly rateLimitKey: ((identity: Identity) => string | undefined) | undefined
  /** Verifiers of proofs by provider. */
  readonly dpop: ReadonlyMap<string, DpopVerifier>
  /** For `DPoP-Nonce`; undefined where no provider wants nonces. */
  dpopNonce(): string | undefined
  /** URL of the protected resource metadata that the first provider of a requirement names (RFC 9728). */
  readonly resourceMetadata: (requirement: Requirement) => string | undefined
  /** Begins fetching keys and reading files; never fails. */
  start(): void
  /** Whether callers can be judged. */
  ready(): boolean
  close(): void
}

/**
 * Not yet started: `check` asks it what it needs, and never starts it.
 * @param kept of the process, where another configuration was in force before or may be later
 */
export function identityOf(config: AgentConfig, log: Log, kept: Kept = new Kept()): IdentityParts {
  const { providers, rateLimitKey, dpopNonceKey, revocation } = config.identity
  const clocks = { now: Date.now, monotonicMs: () => performance.now() }
  const context = { ...clocks, log }
  const revocations = new Revocations(
    revocation,
    context,
    kept.get('revocations', '', () => new RevocationMemory()),
  )
  const nonceKey = dpopNonceKey === undefined ? undefined : new SecretSource(dpopNonceKey, log)
  const limitKey = rateLimitKey === undefined ? undefined : new SecretSource(rateLimitKey, log)
  const jwtProviders = providerConfigs(config)
  const verifiers = new Map<string, DpopVerifier>()
  for (const [name, settings] of Object.entries(providers)) {
    const dpop = settings.kind === 'jwt' || settings.kind === 'introspection' ? settings.dpop : undefined
    if (dpop === undefined) continue
    const replays = kept.get('dpop', name, () => new ReplayStore(replayLimits))
    const options = { ...dpop, ...clocks, replays, ...(nonceKey === undefined ? {} : { nonceSecret: nonceKey }) }
    verifiers.set(name, createDpopVerifier(options))
  }
  const authenticator = createAuthenticator(jwtProviders, {
    ...context,
    schemes: (shared) => createSchemes(providers, { ...shared, kept }),
    checks: [
      (identity, evidence) => revocations.check(identity, evidence.certificate?.der),
      (identity, evidence) => checkBinding(identity, evidence, verifiers.get(identity.provider)),
    ],
  })
  const metadata = new Map(
    Object.entries(providers).flatMap(([name, settings]) =>
      'resourceMetadata' in settings && settings.resourceMetadata !== undefined
        ? [[name, settings.resourceMetadata] as const]
        : [],
    ),
  )
  const nonceGiver = [...verifiers.values()].find((verifier) => verifier.currentNonce() !== undefined)
  return {
    authenticator,
    revocations,
    rateLimitKey: limitKey === undefined ? undefined : createRateLimitKey(new PseudonymKey('k', limitKey)),
    resourceMetadata: ({ providers: names }) => metadata.get(names.find((name) => metadata.has(name)) ?? ''),
    dpop: verifiers,
    dpopNonce: () => nonceGiver?.currentNonce(),
    start() {
      authenticator.start()
      revocations.start()
      void nonceKey?.start()
      void limitKey?.start()
    },
    ready: () => authenticator.ready() && revocations.ready(),
    close() {
      authenticator.close()
      revocations.close()
      nonceKey?.close()
      limitKey?.close()
    },
  }
}
