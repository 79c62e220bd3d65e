import { describe, expect, it } from 'vitest'
import { configWith } from '../identity/support/config.ts'
import { createAuthenticator } from '../../../agent/identity/authenticator.ts'
import { providerConfigs } from '../../../agent/identity/provider-configs.ts'
import { createSchemes } from '../../../agent/identity/schemes.ts'
import { sharedPlaces } from '../../../agent/rules/all-places.ts'
import { evidenceOf } from '../identity/support/evidence.ts'
import { memoryLog } from '../identity/support/provider.ts'

const config = configWith(`  providers:
    corp: { issuer: "https://a.example", audience: a }
    partner: { issuer: "https://b.example", audience: a }
    session: { issuer: "https://c.example", audience: a, token: { from: { cookie: session } } }
    either: { issuer: "https://d.example", audience: a, token: { from: [authorization, { cookie: session }] } }
    assertion: { issuer: "https://e.example", audience: a, token: { from: { header: x-assertion, prefix: "JWT " } } }
    link: { issuer: "https://f.example", audience: a, token: { from: { query: token } } }
    opaque: { kind: introspection, issuer: "https://g.example", audience: a, client: { id: edge, secret: secret-of-edge } }
    keys: { kind: api_key, file: keys.yaml }
    assertionKeys: { kind: api_key, file: keys.yaml, locations: [{ in: header, name: X-Assertion }] }
    basicKeys: { kind: api_key, file: keys.yaml, locations: [{ in: authorization, scheme: ApiKey }] }
    manyKeys: { kind: api_key, file: keys.yaml, locations: [{ in: authorization, scheme: ApiKey }, { in: query, name: key }] }
    mesh: { kind: certificate, source: cn, allow: "**" }
    login: { kind: forward_auth, preset: authelia, url: "https://login.example.com", cookies: [other, session] }
    lounge: { kind: forward_auth, preset: authelia, url: "https://login.example.com", cookies: [other] }
    laptops: { kind: certificate, source: cn, allow: "**" }
`)

describe('the places of "all"', () => {
  it.each<[string[], string]>([
    [['corp', 'partner'], '"corp" and "partner" look at the same place: the Authorization header (bearer)'],
    [['session', 'either'], '"session" and "either" look at the same place: the cookie "session"'],
    [['session', 'login'], '"session" and "login" look at the same place: the cookie "session"'],
    [['login', 'session'], '"login" and "session" look at the same place: the cookie "session"'],
    [['login', 'lounge'], '"login" and "lounge" look at the same place: the cookie "other"'],
    [['either', 'session'], '"either" and "session" look at the same place: the cookie "session"'],
    [['mesh', 'session', 'either'], '"session" and "either" look at the same place: the cookie "session"'],
    [['corp', 'opaque'], '"corp" and "opaque" look at the same place: the Authorization header (bearer)'],
    [['mesh', 'laptops'], '"mesh" and "laptops" look at the same place: the client certificate'],
    [
      ['corp', 'basicKeys'],
      '"corp" and "basicKeys" look at the same place: the Authorization header, which holds one credential',
    ],
    [
      ['assertion', 'assertionKeys'],
      '"assertion" and "assertionKeys" look at the same place: the header "x-assertion", which holds one credential',
    ],
  ])('%j are not to be told apart', (providers, text) => {
    expect(sharedPlaces(config, providers)).toBe(text)
  })

  it.each<[string[]]>([
    [[]],
    [['corp']],
    [['corp', 'session']],
    [['corp', 'keys', 'mesh', 'assertion', 'link']],
    [['corp', 'manyKeys']],
    [['session', 'link', 'basicKeys']],
    // Told elsewhere.
    [['corp', 'corp']],
    [['corp', 'nobody', 'toString']],
  ])('%j have places of their own', (providers) => {
    expect(sharedPlaces(config, providers)).toBeUndefined()
  })

  it('are those at which the authenticator looks: what shares one is refused there too', () => {
    const log = memoryLog()
    const schemes: Parameters<typeof createAuthenticator>[1]['schemes'] = (context) =>
      createSchemes(config.identity.providers, context)
    const authenticator = createAuthenticator(providerConfigs(config), { log, schemes })
    const names = Object.keys(config.identity.providers)
    try {
      for (const [i, first] of names.entries()) {
        for (const second of names.slice(i + 1)) {
          const providers = [first, second]
          const result = authenticator.authenticate({ mode: 'all', providers }, evidenceOf({}))
          if (result instanceof Promise) throw new Error('nothing was shown, and somebody was asked')
          if (!result.ok && result.reason === 'internal_error') {
            expect(sharedPlaces(config, providers), providers.join()).toContain('the same place')
          } else if (sharedPlaces(config, providers) !== undefined) {
            expect(sharedPlaces(config, providers)).toContain('which holds one credential')
          }
        }
      }
    } finally {
      authenticator.close()
    }
  })
})
