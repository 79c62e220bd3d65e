import { describe, expect, it } from 'vitest'
import { webhookOf } from './support.ts'

/** Examples that senders publish for receivers to test with. */
describe('published examples', () => {
  // docs.github.com, "Validating webhook deliveries", section "Testing the webhook payload validation".
  it('GitHub', () => {
    const { identity } = webhookOf({ scheme: 'github', secrets: ["It's a Secret to Everybody"] })
    const signature = 'sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17'
    const sent = { headers: { 'x-hub-signature-256': signature }, body: Buffer.from('Hello, World!') }
    expect(identity(sent)).toMatchObject({ issuer: 'github', subject: 'hooks', method: 'webhook' })
  })

  // docs.slack.dev, "Verifying requests from Slack", the step-by-step walk-through.
  it('Slack', () => {
    const { identity } = webhookOf(
      { scheme: 'slack', secrets: ['8f742231b10e8888abcd99yyyzzz85a5'] },
      { nowMs: 1_531_420_618_000 },
    )
    const body =
      'token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&' +
      'channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&' +
      'response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&' +
      'trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c'
    const headers = {
      'x-slack-request-timestamp': '1531420618',
      'x-slack-signature': 'v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503',
    }
    expect(identity({ headers, body: Buffer.from(body) })).toMatchObject({ issuer: 'slack', issuedAt: 1_531_420_618 })
  })

  // The vectors of the reference libraries of standard-webhooks/standard-webhooks (v1), and of the Svix server's test of
  // asymmetric signing (v1a); the key pair is also in the server's README.
  describe('Standard Webhooks', () => {
    const clock = { nowMs: 1_614_265_330_000 }
    const sent = (signature: string) => ({
      headers: {
        'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
        'webhook-timestamp': '1614265330',
        'webhook-signature': signature,
      },
      body: Buffer.from('{"test": 2432232314}'),
    })
    const symmetric = 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE='
    const asymmetric = 'v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg=='
    const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'
    const publicKey = 'whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4='

    it.each([
      ['v1', [secret], symmetric],
      ['v1 with a secret without whsec_', [secret.slice(6)], symmetric],
      ['v1a', [publicKey], asymmetric],
      ['both, of which one key suffices', [publicKey], `${symmetric} ${asymmetric}`],
      ['both, with unknown ones before', [secret], `v2,eA== v1x,eA== ${asymmetric} ${symmetric}`],
    ])('%s', (_what, secrets, signature) => {
      const { identity } = webhookOf({ scheme: 'standard', secrets }, clock)
      expect(identity(sent(signature)).credentialId).toBe('msg_p5jXN8AQM9LWM0D4loKWxJek')
    })

    it('v1a is of no use to a secret, nor v1 to a public key', () => {
      expect(webhookOf({ scheme: 'standard', secrets: [secret] }, clock).reason(sent(asymmetric))).toBe(
        'signature_invalid',
      )
      const { reason } = webhookOf({ scheme: 'standard', secrets: [publicKey] }, clock)
      expect(reason(sent(symmetric))).toBe('signature_invalid')
      expect(reason(sent(asymmetric.replace('v1a', 'v1')))).toBe('signature_invalid')
      // The public key is public: nobody may use it as a shared secret.
      expect(reason(sent(symmetric.replace('v1,', 'v1a,')))).toBe('signature_invalid')
    })
  })

  // docs.stripe.com shows a header, but neither its secret nor its body: the form is theirs, the MAC was made with
  // printf '1492774577.{"id":"evt_1"}' | openssl dgst -sha256 -hmac whsec_test_secret_1234
  it('Stripe, in the form of its documents', () => {
    const { identity } = webhookOf(
      { scheme: 'stripe', secrets: ['whsec_test_secret_1234'] },
      { nowMs: 1_492_774_577_000 },
    )
    const old = '6ffbb59b2300aae63f272406069a9788598b792a944a07aba816edb039989a39'
    const signature = `t=1492774577,v1=12a994e687a668e07fee319b39c7f190ea9b2878eeaeca5a72f757848d961402,v0=${old}`
    const sent = { headers: { 'stripe-signature': signature }, body: Buffer.from('{"id":"evt_1"}') }
    expect(identity(sent)).toMatchObject({ issuer: 'stripe', issuedAt: 1_492_774_577, expiresAt: 1_492_774_877 })
  })
})
