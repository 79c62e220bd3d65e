import type { z } from 'zod'
import { awsProvider } from '../../../../../agent/config/providers/aws.ts'
import { createAwsScheme } from '../../../../../agent/identity/aws/scheme.ts'
import type { Evidence } from '../../../../../agent/identity/evidence.ts'
import type { AuthResult } from '../../../../../agent/identity/identity.ts'
import type { Scheme } from '../../../../../agent/identity/scheme.ts'
import { evidenceOf } from '../../support/evidence.ts'
import { FakeClock, memoryLog } from '../../support/provider.ts'
import { ALICE, AUDIENCE, credentialOf, DEPLOYER, HOST, presign, type PresignOptions } from './client.ts'
import { type FakeSts, type Principal, startFakeSts } from './fake-sts.ts'

/** STS on loopback, a provider that asks it, and clocks that stand still. */
export interface AwsSetup {
  readonly sts: FakeSts
  readonly scheme: Scheme
  readonly clock: FakeClock
  readonly monotonic: FakeClock
  readonly log: ReturnType<typeof memoryLog>
  /** A fresh genuine credential. */
  credential(principal?: Principal, options?: Partial<PresignOptions>): string
  /** A fresh one whose URL was changed after it was signed. */
  changed(change: (url: string) => string): string
  /** The deny reason, or `ok`. */
  outcome(credential: string, evidence?: Partial<Evidence>): Promise<string>
  check(credential: string, evidence?: Partial<Evidence>): Promise<AuthResult>
  [Symbol.asyncDispose](): Promise<void>
}

export const OTHER_HOST = 'sts.us-west-2.amazonaws.com'

export async function setUp(overrides: Partial<z.input<typeof awsProvider>> = {}): Promise<AwsSetup> {
  const [clock, monotonic, log] = [new FakeClock(), new FakeClock(1000), memoryLog()]
  const sts = await startFakeSts([HOST, OTHER_HOST, 'sts.amazonaws.com'], clock.now)
  for (const principal of [DEPLOYER, ALICE]) sts.principals.set(principal.accessKeyId, principal)
  const settings = awsProvider.parse({
    kind: 'aws',
    audience: AUDIENCE,
    accounts: ['111122223333'],
    endpoints: Object.fromEntries([HOST, OTHER_HOST, 'sts.amazonaws.com'].map((host) => [host, sts.origin])),
    caFile: sts.caFile,
    ...overrides,
  })
  const scheme = createAwsScheme('machines', settings, { now: clock.now, monotonicMs: monotonic.now, log })
  let requests = 0
  const check = async (credential: string, evidence: Partial<Evidence> = {}): Promise<AuthResult> =>
    await scheme.authenticate(credential, evidenceOf({ requestId: `request-${++requests}`, ...evidence }))
  return {
    sts,
    scheme,
    clock,
    monotonic,
    log,
    credential: (principal = DEPLOYER, options = {}) => credentialOf(presign(principal, { now: clock.ms, ...options })),
    changed: (change) => credentialOf(change(presign(DEPLOYER, { now: clock.ms }))),
    check,
    async outcome(credential, evidence) {
      const result = await check(credential, evidence)
      return result.ok ? 'ok' : result.reason
    },
    async [Symbol.asyncDispose]() {
      scheme.close?.()
      await sts[Symbol.asyncDispose]()
    },
  }
}
