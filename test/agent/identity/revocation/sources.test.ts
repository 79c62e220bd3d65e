import { hash, randomUUID } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { configWith } from '../support/config.ts'
import { appendEntry } from '../../../../agent/identity/api-key/append-entry.ts'
import { formatKey } from '../../../../agent/identity/api-key/key-format.ts'
import { writtenHash } from '../../../../agent/identity/api-key/key-hash.ts'
import type { Evidence } from '../../../../agent/identity/evidence.ts'
import { identityOf, type IdentityParts } from '../../../../agent/identity/from-config.ts'
import type { RevocationInput } from '../../../../agent/identity/revocation/entry.ts'
import { clientCertificate } from '../../../support/client-certificates.ts'
import { tempFolder } from '../../../support/folder.ts'
import { anyOf, evidenceOf, headersOf } from '../support/evidence.ts'
import { startJwksServer, text } from '../support/jwks-server.ts'
import { memoryLog, until } from '../support/provider.ts'
import { outcome } from '../support/setup.ts'
import { signToken, testKey } from '../support/tokens.ts'

// All that a list can name, each by the kind of credential that it is meant for, and all as agent.yaml puts it together: the
// tokens are in the cache, and the list is the one that the agent fetches itself.
const sha256 = (bytes: string | Uint8Array): string => hash('sha256', bytes, 'base64url')
const sees = async (parts: IdentityParts, provider: string, evidence: Partial<Evidence>): Promise<string> =>
  outcome(parts.authenticator.authenticate(anyOf(provider), evidenceOf(evidence)))

it.each(['file', 'url'])(
  'each kind of entry of a list from a %s takes effect, and ends with the list',
  async (from) => {
    const folder = tempFolder()
    const [keysFile, listFile] = [join(folder, 'keys.yaml'), join(folder, 'revoked.jsonl')]
    await using issuer = await startJwksServer()
    const key = testKey('RS256')
    issuer.publish([key.jwk])
    const apiKeys = [formatKey('ht', 'billing'), formatKey('ht', 'reports')] as const
    for (const [i, id] of ['billing', 'reports'].entries()) {
      await appendEntry(keysFile, { id, hash: writtenHash(apiKeys[i] ?? '', undefined), owner: `${id}-team` })
    }
    const [mine, theirs] = [await clientCertificate(), await clientCertificate()]
    const publish = (entries: readonly RevocationInput[]): void => {
      const list = entries.map((entry) => `${JSON.stringify(entry)}\n`).join('')
      writeFileSync(listFile, list)
      issuer.answer('/revoked', text(list))
    }
    publish([])

    const list = from === 'file' ? `file: ${listFile}` : `poll: { url: "${issuer.issuer}/revoked", every: 1s }`
    const config = configWith(`  providers:
    corp: { issuer: "${issuer.issuer}", audience: orders-api }
    machines: { kind: certificate, source: x5t, allow: "**" }
    keys: { kind: api_key, file: "${keysFile}" }
  revocation: { ${list} }
`)
    const parts = identityOf(config, memoryLog())
    try {
      parts.start()
      await until(() => parts.ready())

      const now = Math.floor(Date.now() / 1000)
      const token = (changes: object = {}): string =>
        signToken(key, {
          iss: issuer.issuer,
          sub: 'ann',
          aud: 'orders-api',
          iat: now,
          exp: now + 600,
          jti: randomUUID(),
          ...changes,
        })
      const bearer =
        (credential: string, more: Partial<Evidence> = {}): (() => Promise<string>) =>
        () =>
          sees(parts, 'corp', { authorization: `Bearer ${credential}`, ...more })
      const certificate = { certificate: { verify: 0, der: mine.der } }
      const bound = (der: Buffer): string => token({ cnf: { 'x5t#S256': sha256(der) } })
      const stolen = token()
      const revoked: Record<string, () => Promise<string>> = {
        'a token by its id': bearer(token({ jti: 'stolen' })),
        'all of a subject': bearer(token({ sub: 'bob' })),
        'all of a session': bearer(token({ sid: 'session-1' })),
        'a token by its hash': bearer(stolen),
        'a certificate': () => sees(parts, 'machines', certificate),
        'a token bound to it': bearer(bound(mine.der), certificate),
        'an API key by its id': () => sees(parts, 'keys', { headers: headersOf({ 'x-api-key': apiKeys[0] }) }),
      }
      const kept: Record<string, () => Promise<string>> = {
        'another token of the caller': bearer(token()),
        'a token of another session': bearer(token({ sid: 'session-2' })),
        'another certificate': () => sees(parts, 'machines', { certificate: { verify: 0, der: theirs.der } }),
        'a token bound to that': bearer(bound(theirs.der), { certificate: { verify: 0, der: theirs.der } }),
        'another API key': () => sees(parts, 'keys', { headers: headersOf({ 'x-api-key': apiKeys[1] }) }),
      }
      const outcomes = async (asked: typeof revoked): Promise<Record<string, string>> => {
        const seen: Record<string, string> = {}
        for (const [what, ask] of Object.entries(asked)) seen[what] = await ask()
        return seen
      }
      const all = (asked: typeof revoked, reason: string): Record<string, string> =>
        Object.fromEntries(Object.keys(asked).map((what) => [what, reason]))

      for (const asked of [revoked, kept]) expect(await outcomes(asked)).toEqual(all(asked, 'ok'))
      const ends = now + 600
      publish([
        { jti: 'stolen', provider: 'corp', until: ends },
        { subject: 'bob', provider: 'corp', until: ends },
        { session: 'session-1', until: ends },
        { token: sha256(stolen), until: ends },
        { certificate: sha256(mine.der), until: ends },
        { jti: 'billing', provider: 'keys', until: ends },
      ])
      await until(() => parts.revocations.status().entries === 6)
      expect(await outcomes(revoked)).toEqual(all(revoked, 'revoked'))
      expect(await outcomes(kept)).toEqual(all(kept, 'ok'))
      publish([])
      await until(() => parts.revocations.status().entries === 0)
      expect(await outcomes(revoked)).toEqual(all(revoked, 'ok'))
    } finally {
      parts.close()
    }
  },
  30_000,
)
