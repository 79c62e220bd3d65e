import { createPublicKey, generateKeyPairSync, sign, verify } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { liftedEd25519 } from '../support/twins.ts'
import { NOW_S, webhookOf } from './support.ts'

const { privateKey } = generateKeyPairSync('ed25519')
const publicKey = createPublicKey(privateKey)
const whpk = `whpk_${Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url').toString('base64')}`

describe('a webhook signature with Ed25519', () => {
  const body = Buffer.from('{"amount":5}')
  const signed = Buffer.concat([Buffer.from(`msg_1.${NOW_S}.`), body])
  const signature = sign(null, signed, privateKey)
  const sent = (bytes: Buffer) => ({
    headers: {
      'webhook-id': 'msg_1',
      'webhook-timestamp': String(NOW_S),
      'webhook-signature': `v1a,${bytes.toString('base64')}`,
    },
    body,
  })

  it('cannot be spelled anew: S + L, which the plain equation would accept, is refused by node:crypto', () => {
    const lifted = liftedEd25519(signature)
    expect(lifted).not.toEqual(signature)
    expect(verify(null, signed, publicKey, signature)).toBe(true)
    expect(verify(null, signed, publicKey, lifted)).toBe(false)
  })

  it('is refused by the provider when it is spelled so, and a delivery counts once', () => {
    const { reason } = webhookOf({ scheme: 'standard', secrets: [whpk] })
    expect(reason(sent(liftedEd25519(signature)))).toBe('signature_invalid')
    expect(reason(sent(signature))).toBe('ok')
    expect(reason(sent(liftedEd25519(signature)))).toBe('signature_invalid')
    expect(reason(sent(signature))).toBe('replayed')
  })
})
