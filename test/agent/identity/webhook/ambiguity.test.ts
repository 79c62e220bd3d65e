import { describe, expect, it } from 'vitest'
import { BODY, hmac, NOW_S, SECRETS, send, type Sent, webhookOf, withHeaders } from './support.ts'

describe('S10: several signatures', () => {
  const good = (): { value: string; sent: Sent } => {
    const sent = send('stripe', BODY)
    return { sent, value: (sent.headers['stripe-signature'] ?? '').split('v1=')[1] ?? '' }
  }
  const stripe = (...macs: string[]): string => `t=${NOW_S},${macs.map((mac) => `v1=${mac}`).join()}`

  it('of Stripe: any valid one of five is accepted, six are malformed', () => {
    const { sent, value } = good()
    const bad = '0'.repeat(64)
    for (let i = 0; i < 5; i++) {
      const macs = Array.from({ length: 5 }, (_, at) => (at === i ? value : bad))
      const { reason } = webhookOf({ scheme: 'stripe', secrets: [SECRETS.stripe] })
      expect(reason(withHeaders(sent, { 'stripe-signature': stripe(...macs) }))).toBe('ok')
      expect(reason(withHeaders(sent, { 'stripe-signature': stripe(...macs, bad) }))).toBe('malformed_token')
    }
  })

  it('of Stripe: two times are malformed', () => {
    const { sent, value } = good()
    const { reason } = webhookOf({ scheme: 'stripe', secrets: [SECRETS.stripe] })
    expect(reason(withHeaders(sent, { 'stripe-signature': `t=${NOW_S},t=${NOW_S},v1=${value}` }))).toBe(
      'malformed_token',
    )
    expect(reason(withHeaders(sent, { 'stripe-signature': `v1=${value}` }))).toBe('malformed_token')
  })

  it('of Standard Webhooks: any valid one of five is accepted, six are malformed', () => {
    const sent = send('standard', BODY)
    const value = sent.headers['webhook-signature'] ?? ''
    const bad = `v1,${Buffer.alloc(32).toString('base64')}`
    const { reason } = webhookOf({ scheme: 'standard', secrets: [SECRETS.standard], replay: 'allow' })
    for (let i = 0; i < 5; i++) {
      const all = Array.from({ length: 5 }, (_, at) => (at === i ? value : bad))
      expect(reason(withHeaders(sent, { 'webhook-signature': all.join(' ') }))).toBe('ok')
      expect(reason(withHeaders(sent, { 'webhook-signature': [...all, bad].join(' ') }))).toBe('malformed_token')
    }
  })
})

describe('a delivery that could be read in two ways', () => {
  it('Standard Webhooks: an id with a dot in it is refused', () => {
    // msg . 1764000000 . 1764000001.{} has the same signed bytes as msg.1764000000 . 1764000001 . {}
    const key = Buffer.from(SECRETS.standard.slice(6), 'base64')
    const body = Buffer.from('{}')
    const signature = `v1,${hmac('sha256', key, `msg.${NOW_S}.${NOW_S + 1}.`, body).toString('base64')}`
    const headers = {
      'webhook-id': `msg.${NOW_S}`,
      'webhook-timestamp': String(NOW_S + 1),
      'webhook-signature': signature,
    }
    const { reason } = webhookOf({ scheme: 'standard', secrets: [SECRETS.standard] })
    expect(reason({ headers, body })).toBe('malformed_token')
  })

  it.each(['', 'a b', 'ü', 'a\u0000', 'x'.repeat(129)])('Standard Webhooks: the id %j is refused', (id) => {
    const { reason } = webhookOf({ scheme: 'standard', secrets: [SECRETS.standard] })
    expect(reason(send('standard', BODY, { id }))).toBe('malformed_token')
  })
})
