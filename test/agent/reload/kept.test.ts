import { createHmac } from 'node:crypto'
import { describe, expect, it, onTestFinished } from 'vitest'
import { parseConfig } from '../../../agent/config/load.ts'
import { UsedSignatures } from '../../../agent/identity/aws/used-signatures.ts'
import type { Evidence } from '../../../agent/identity/evidence.ts'
import { identityOf } from '../../../agent/identity/from-config.ts'
import { Kept } from '../../../agent/identity/kept.ts'
import { ReplayStore } from '../../../agent/identity/webhook/replay-store.ts'
import { anyOf, evidenceOf, headersOf } from '../identity/support/evidence.ts'
import { memoryLog } from '../identity/support/provider.ts'

const SECRET = 'canary-webhook-secret-1234'

/** The parts of a configuration with these providers. */
function partsOf(kept: Kept, providers: string, more = '') {
  const text = `version: 1
spop: { listen: "tcp://127.0.0.1:9000" }
temporal: { address: "127.0.0.1:7233" }
identity: { providers: { ${providers} }${more} }
rules: []
`
  const parts = identityOf(parseConfig('agent.yaml', text, {}).config, memoryLog(), kept)
  onTestFinished(() => parts.close())
  return parts
}

const hook = (tolerance: string): string =>
  `hook: { kind: webhook, scheme: slack, secrets: ["${SECRET}"], tolerance: ${tolerance} }`

function delivery(requestId: string): Evidence {
  const body = Buffer.from('token=x&team_id=T1')
  const time = String(Math.floor(Date.now() / 1000))
  const mac = createHmac('sha256', SECRET).update(`v0:${time}:`).update(body).digest('hex')
  return evidenceOf({
    requestId,
    method: 'POST',
    headers: headersOf({
      'x-slack-signature': `v0=${mac}`,
      'x-slack-request-timestamp': time,
      'content-length': String(body.length),
    }),
    body: { bytes: body, size: body.length },
  })
}

describe('what is remembered over reloads', () => {
  it('a webhook that was taken is refused by the next configuration too, whatever its settings', async () => {
    const kept = new Kept()
    const sent = delivery('one')
    const again: Evidence = { ...sent, requestId: 'two' }
    expect(await partsOf(kept, hook('5m')).authenticator.authenticate(anyOf('hook'), sent)).toMatchObject({ ok: true })
    for (const tolerance of ['5m', '10m', '1m']) {
      const { authenticator } = partsOf(kept, `${hook(tolerance)}, other: { kind: api_key, file: k }`)
      expect(await authenticator.authenticate(anyOf('hook'), again)).toMatchObject({ ok: false, reason: 'replayed' })
    }
    // And only there: another process has not seen it.
    const { authenticator } = partsOf(new Kept(), hook('5m'))
    expect(await authenticator.authenticate(anyOf('hook'), again)).toMatchObject({ ok: true })
  })

  it('a revocation that was added while the agent runs goes on', () => {
    const kept = new Kept()
    const first = partsOf(kept, 'a: { kind: api_key, file: k }')
    expect(first.revocations.add({ subject: 'ann', provider: 'a', until: 'never' } as never, { source: 'admin' })).toBe(
      true,
    )
    const second = partsOf(kept, 'b: { kind: api_key, file: k }', ', revocation: { maxEntries: 9 }')
    expect(second.revocations.status().entries).toBe(1)
    expect(partsOf(new Kept(), 'b: { kind: api_key, file: k }').revocations.status().entries).toBe(0)
  })

  it('proofs of keys go on with their provider, whatever it is told of nonces', () => {
    const kept = new Kept()
    const jwt = (dpop: string): string =>
      `p: { issuer: "https://a.example", audience: a, dpop: { publicBaseUrl: "https://api.example"${dpop} } }`
    partsOf(kept, jwt(''))
    const store = kept.get('dpop', 'p', () => expect.fail('it is there'))
    expect(partsOf(kept, jwt(', nonce: true')).dpop.get('p')?.counters.remembered).toBe(0)
    ;(store as { remember(proof: object, nowMs: number): string }).remember(
      { thumbprint: 't', jti: 'j', request: 'r', untilMs: Date.now() + 60_000 },
      Date.now(),
    )
    expect(partsOf(kept, jwt('')).dpop.get('p')?.counters.remembered).toBe(1)
    expect(partsOf(kept, jwt('').replace('p:', 'q:')).dpop.get('q')?.counters.remembered).toBe(0)
  })
})

describe('stores whose settings change', () => {
  it('deliveries are remembered for the longer of two times', () => {
    let nowMs = 0
    const store = new ReplayStore(1000, () => nowMs)
    store.atLeast(10_000)
    store.atLeast(500)
    expect(store.see('a', 'one')).toBe('new')
    nowMs = 9000
    expect(store.see('a', 'two')).toBe('seen')
  })

  it('signatures are remembered for the longer of two times', () => {
    const used = new UsedSignatures(1000, 10)
    expect(used.use('warm', 'one', 0)).toBe('first')
    used.atLeast(10_000)
    expect(used.use('s', 'two', 1000)).toBe('first')
    expect(used.use('s', 'three', 10_500)).toBe('again')
  })
})
