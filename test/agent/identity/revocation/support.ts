import { type Identity, identityOf } from '../../../../agent/identity/identity.ts'
import type { RevocationSettings } from '../../../../agent/config/revocation.ts'
import { createRevocations, type Revocations } from '../../../../agent/identity/revocation/revocations.ts'
import { onTestFinished } from 'vitest'
import { FakeClock, memoryLog } from '../support/provider.ts'

/** 2026-11-24T08:00:00Z */
export const NOW_S = 1_795_507_200
export const LATER = NOW_S + 3600
export const DIGEST = Buffer.alloc(32, 171).toString('base64url')

export function identity(known: Partial<Identity> = {}): Identity {
  return identityOf({
    provider: 'okta',
    method: 'jwt',
    issuer: 'https://okta.example',
    subject: 'ann',
    digest: DIGEST,
    credentialId: 'jti-1',
    session: 'sid-1',
    issuedAt: NOW_S - 60,
    ...known,
  })
}

/** Revocations at a clock of their own, closed after the test. */
export function revocationsAt(
  clock: FakeClock,
  settings?: Partial<RevocationSettings>,
  log = memoryLog(),
): Revocations {
  const revocations = createRevocations(
    settings === undefined ? undefined : { onUnavailable: 'deny', maxEntries: 1000, ...settings },
    { now: clock.now, monotonicMs: clock.now, log },
  )
  onTestFinished(() => revocations.close())
  return revocations
}
