import { describe, expect, it } from 'vitest'
import { BODY, NOW_S, SECRETS, send, webhookOf, withHeaders } from './support.ts'

describe('what a delivery proves', () => {
  it('GitHub: the delivery id and the event, which are not signed, and the signature, which cannot be chosen', () => {
    const { identity } = webhookOf({ scheme: 'github', secrets: [SECRETS.github], subject: 'github/acme' })
    const sent = send('github', BODY, { id: '72d3162e-cc78-11e3-81ab-4c9367dc0958' })
    const { claims, ...rest } = identity(sent)
    expect(rest).toMatchObject({
      provider: 'hooks',
      method: 'webhook',
      issuer: 'github',
      subject: 'github/acme',
      credentialId: '72d3162e-cc78-11e3-81ab-4c9367dc0958',
      expiresAt: Infinity,
      issuedAt: undefined,
    })
    expect({ ...claims }).toEqual({
      id: rest.credentialId,
      event: 'push',
      signature: expect.stringMatching(/^[\w-]{43}$/),
    })
    const other = identity(withHeaders(sent, { 'x-github-delivery': 'other' }))
    expect(other.claims['signature']).toBe(claims['signature'])
    expect(Object.getPrototypeOf(claims)).toBeNull()
    expect(Object.isFrozen(claims)).toBe(true)
  })

  it.each(['stripe', 'slack'] as const)('%s sends no id: the digest of the signature stands for it', (name) => {
    const { identity } = webhookOf({ scheme: name, secrets: [SECRETS[name]] })
    const { claims, credentialId, issuedAt, expiresAt } = identity(send(name, BODY))
    expect(credentialId).toMatch(/^[\w-]{43}$/)
    expect({ ...claims }).toEqual({ id: credentialId, signature: credentialId, timestamp: NOW_S })
    expect([issuedAt, expiresAt]).toEqual([NOW_S, NOW_S + 300])
  })

  it('an event that is no safe text is left out', () => {
    const { identity } = webhookOf({ scheme: 'github', secrets: [SECRETS.github] })
    expect(identity(withHeaders(send('github', BODY), { 'x-github-event': 'a\nb' })).claims).not.toHaveProperty('event')
  })
})
