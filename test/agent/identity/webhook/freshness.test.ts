import { describe, expect, it } from 'vitest'
import { BODY, evidenceOfSent, NOW_S, SECRETS, send, TIMED, webhookOf, withHeaders } from './support.ts'

describe.each(TIMED)('the time of scheme %s', (name) => {
  const settings = { scheme: name, secrets: [SECRETS[name]] } as const

  it('S2, S3: is five minutes old or ahead at most', () => {
    const { reason } = webhookOf(settings)
    const at = (offset: number): string => reason(send(name, Buffer.from(String(offset)), { at: NOW_S + offset }))
    expect([-301, -300, 0, 300, 301].map(at)).toEqual(['expired', 'ok', 'ok', 'ok', 'issued_in_future'])
  })

  it('is as old as the provider allows', () => {
    const { reason } = webhookOf({ ...settings, tolerance: '10s' })
    const at = (offset: number): string => reason(send(name, Buffer.from(String(offset)), { at: NOW_S + offset }))
    expect([-11, -10, 10, 11].map(at)).toEqual(['expired', 'ok', 'ok', 'issued_in_future'])
  })

  it.each(['', '-1', '+1', '1e9', ' 1764000000', '1764000000 ', '0x10', '1764000000.0', '9'.repeat(16), 'NaN'])(
    'that is %j is malformed',
    (text) => {
      const { reason } = webhookOf(settings)
      const sent = send(name, BODY)
      const headers =
        name === 'stripe'
          ? { 'stripe-signature': (sent.headers['stripe-signature'] ?? '').replace(/^t=\d+/, `t=${text}`) }
          : { [name === 'slack' ? 'x-slack-request-timestamp' : 'webhook-timestamp']: text }
      expect(reason(withHeaders(sent, headers))).toBe('malformed_token')
    },
  )
})

describe('replays', () => {
  it.each(TIMED)('S4: the same signature of %s is refused within the window, and forgotten after it', (name) => {
    const { reason, clock } = webhookOf({ scheme: name, secrets: [SECRETS[name]] })
    const sent = send(name, BODY)
    expect([reason(sent), reason(sent)]).toEqual(['ok', 'replayed'])
    clock.nowMs += 300_000
    expect(reason(sent)).toBe('replayed')
    clock.nowMs += 1
    expect(reason(sent)).toBe('expired')
  })

  it.each(TIMED)('a sender of %s that tries again signs a new time, and is heard', (name) => {
    const { reason } = webhookOf({ scheme: name, secrets: [SECRETS[name]] })
    const again = [0, 5, 35].map((later) => reason(send(name, BODY, { at: NOW_S + later, id: 'msg_1' })))
    expect(again).toEqual(['ok', 'ok', 'ok'])
  })

  it('what is refused is not used up', () => {
    const { reason } = webhookOf({ scheme: 'slack', secrets: [SECRETS.slack] })
    const sent = send('slack', BODY)
    expect(reason(sent, { body: { bytes: BODY, size: 1 } })).toBe('body_truncated')
    expect(reason(sent)).toBe('ok')
  })

  it('one request may be judged several times: its rules ask again, and so does HAProxy when an agent is lost', () => {
    const { judge } = webhookOf({ scheme: 'slack', secrets: [SECRETS.slack] })
    const evidence = evidenceOfSent(send('slack', BODY))
    expect(judge(evidence)).toBeTypeOf('object')
    expect(judge({ ...evidence })).toBeTypeOf('object')
    expect(judge({ ...evidence, requestId: 'another' })).toBe('replayed')
  })

  it('of GitHub are allowed unless the provider refuses them: there a changed delivery id does not help', () => {
    const sent = send('github', BODY, { id: 'a' })
    const again = withHeaders(sent, { 'x-github-delivery': 'b' })
    const open = webhookOf({ scheme: 'github', secrets: [SECRETS.github] })
    expect([open.reason(sent), open.reason(again)]).toEqual(['ok', 'ok'])
    const strict = webhookOf({ scheme: 'github', secrets: [SECRETS.github], replay: 'refuse' })
    expect([strict.reason(sent), strict.reason(again)]).toEqual(['ok', 'replayed'])
  })

  it('are allowed where the provider says so', () => {
    const { reason } = webhookOf({ scheme: 'stripe', secrets: [SECRETS.stripe], replay: 'allow' })
    const sent = send('stripe', BODY)
    expect([reason(sent), reason(sent)]).toEqual(['ok', 'ok'])
  })

  it('signed with two secrets, either signature alone is a replay of the delivery', () => {
    const other = 'whsec_another_secret_of_the_sender'
    const { reason } = webhookOf({ scheme: 'stripe', secrets: [SECRETS.stripe, other] })
    const [first, second] = [send('stripe', BODY), send('stripe', BODY, { secret: other })]
    const v1 = /v1=\w+/.exec(second.headers['stripe-signature'] ?? '')?.[0] ?? ''
    const both = withHeaders(first, { 'stripe-signature': `${first.headers['stripe-signature']},${v1}` })
    expect([reason(both), reason(second), reason(first)]).toEqual(['ok', 'replayed', 'replayed'])
  })

  it('signed twice, the second signature of a delivery is no new one', () => {
    const { reason } = webhookOf({ scheme: 'stripe', secrets: [SECRETS.stripe] })
    const sent = send('stripe', BODY)
    const value = sent.headers['stripe-signature'] ?? ''
    expect(reason(sent)).toBe('ok')
    expect(reason(withHeaders(sent, { 'stripe-signature': `${value},v1=${'0'.repeat(64)}` }))).toBe('replayed')
  })
})
