import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { certificateProvider } from '../../agent/config/providers/certificate.ts'
import { EvidenceReader } from '../../agent/evidence.ts'
import { type Authenticator, createAuthenticator } from '../../agent/identity/authenticator.ts'
import { checkBinding } from '../../agent/identity/binding.ts'
import { createCertificateScheme } from '../../agent/identity/certificate/scheme.ts'
import { createDpopVerifier } from '../../agent/identity/dpop/verifier.ts'
import { defaults } from '../../agent/identity/config.ts'
import type { AuthResult } from '../../agent/identity/identity.ts'
import { thumbprintOf } from '../../agent/identity/jwk.ts'
import type { Requirement } from '../../agent/identity/requirement.ts'
import { message } from '../../node-spoe/src/index.ts'
import { type JwksServer, startJwksServer } from '../agent/identity/support/jwks-server.ts'
import { proofOf, publicJwk, sha256 } from '../agent/identity/dpop/support.ts'
import { signToken, testKey } from '../agent/identity/support/tokens.ts'
import {
  certificateAuthority,
  type ClientCertificate,
  clientCertificate,
  type ClientOptions,
  rawName,
} from '../support/client-certificates.ts'
import { HAPROXY_VERSIONS } from '../support/edge.ts'
import { newFolder, removeFolder } from '../support/folder.ts'
import { type Pair, startPair } from '../support/spoe.ts'
import { expose } from '../support/spoe-config.ts'

const silent = { info: () => {}, warn: () => {}, error: () => {} }

/** The first segment of the path says who is asked. */
const REQUIREMENTS: Readonly<Record<string, Requirement>> = Object.fromEntries(
  ['machines', 'people', 'names', 'hosts', 'corp'].map((name) => [name, { mode: 'any', providers: [name] }] as const),
)

describe.each(HAPROXY_VERSIONS)('client certificates through HAProxy %s', (version) => {
  const folder = newFolder()
  /** Milliseconds by which the agent's clock is ahead. */
  let ahead = 0
  const now = (): number => Date.now() + ahead
  const issuerKey = testKey('ES256')
  let ca: ClientCertificate
  let edge: ClientCertificate
  let issuer: JwksServer
  let auth: Authenticator
  let pair: Pair

  const issued = (options: ClientOptions): Promise<ClientCertificate> => clientCertificate({ issuer: ca, ...options })
  const workload = (path: string): Promise<ClientCertificate> =>
    issued({ names: [['url', `spiffe://example.org${path}`]] })

  beforeAll(async () => {
    ca = await certificateAuthority()
    edge = await issued({ name: 'CN=localhost', names: [['dns', 'localhost']] })
    writeFileSync(join(folder, 'ca.pem'), ca.cert)
    writeFileSync(join(folder, 'edge.pem'), `${edge.cert}${edge.key}`)
    issuer = await startJwksServer()
    issuer.publish([issuerKey.jwk])
    const corp = {
      ...defaults,
      name: 'corp',
      issuer: issuer.issuer,
      audience: ['orders-api'],
      binding: 'required' as const,
      dpop: { publicBaseUrl: 'https://localhost', nonce: false },
    }
    const parse = (settings: object): ReturnType<typeof certificateProvider.parse> =>
      certificateProvider.parse({ kind: 'certificate', ...settings })
    const dpop = createDpopVerifier({ ...corp.dpop, now })
    auth = createAuthenticator([corp], {
      now,
      log: silent,
      schemes: (context) => [
        createCertificateScheme('machines', parse({ source: 'uri', trustDomains: 'example.org' }), context),
        createCertificateScheme('people', parse({ source: 'cn', allow: '**' }), context),
        createCertificateScheme('names', parse({ source: 'dn', allow: '**' }), context),
        createCertificateScheme('hosts', parse({ source: 'dns', allow: ['**', '*.example.org'] }), context),
      ],
      checks: [
        (identity, evidence) => checkBinding(identity, evidence, identity.provider === 'corp' ? dpop : undefined),
      ],
    })
    auth.start()
    const reader = new EvidenceReader(auth.needs, 'check')
    const bind = (port: string, options: string): string =>
      `bind "127.0.0.1:\${${port}}" ssl crt ${join(folder, 'edge.pem')} ca-file ${join(folder, 'ca.pem')} ${options}`
    pair = await startPair({
      version,
      ports: ['STRICT_PORT', 'LAX_PORT', 'CACHE_PORT', 'PLAIN_PORT'],
      agent: {
        messages: {
          check: message({
            args: { ...reader.args, resumed: 'bool' },
            async handle(view, reply) {
              const evidence = reader.read(view)
              const resumed = view.get('resumed') ?? false
              const requirement = REQUIREMENTS[evidence.path.split('/')[1] ?? '']
              if (requirement === undefined) throw new Error(`no provider for ${evidence.path}`)
              const result: AuthResult = await auth.authenticate(requirement, evidence)
              reply.setVar('txn', 'answer', result.ok ? result.identity.subject : result.reason)
              reply.setVar('txn', 'digest', result.ok ? result.identity.digest : '-')
              reply.setVar('txn', 'resumed', resumed)
            },
          }),
        },
      },
      // Line by line what docs/identity says.
      messages: `
spoe-message check
args id=unique-id method=method host=req.fhdr(host) path=path query=query src=src tls=ssl_fc
args auth=req.fhdr(authorization) auth_count=req.fhdr_cnt(authorization)
args cert=ssl_c_der cert_used=ssl_c_used cert_verify=ssl_c_verify
args h_dpop=req.fhdr(dpop) n_dpop=req.fhdr_cnt(dpop)
args resumed=ssl_fc_is_resumed
event on-frontend-http-request`,
      web: `
${bind('STRICT_PORT', 'verify optional')}
${bind('LAX_PORT', 'verify optional crt-ignore-err all ca-ignore-err all')}
${bind('CACHE_PORT', 'verify optional no-tls-tickets')}
${bind('PLAIN_PORT', '').replace(/ca-file \S+/, '')}
${expose('txn.demo.answer', 'txn.demo.digest', 'txn.demo.resumed', 'txn.demo.error')}`,
    })
    for (let i = 0; i < 1000 && !auth.ready(); i++) await new Promise((resolve) => setTimeout(resolve, 5))
  })
  afterAll(async () => {
    await pair?.stop()
    auth?.close()
    await issuer?.[Symbol.asyncDispose]()
    removeFolder(folder)
  })

  interface Asked {
    readonly answer: string | undefined
    readonly digest: string | undefined
    /** As HAProxy and as the client see it. */
    readonly resumed: readonly [boolean, boolean]
    /** For the next connection. */
    readonly session: Buffer | undefined
  }

  interface Question extends ConnectionOptions {
    readonly on?: 'STRICT_PORT' | 'LAX_PORT' | 'CACHE_PORT' | 'PLAIN_PORT'
    readonly client?: ClientCertificate
    readonly headers?: Readonly<Record<string, string>>
  }

  /** One request on a TLS connection of its own. @throws {Error} the handshake failed */
  function ask(path: string, { on = 'STRICT_PORT', client, headers = {}, ...options }: Question = {}): Promise<Asked> {
    return new Promise((resolve, reject) => {
      let session: Buffer | undefined
      let text = ''
      const socket: TLSSocket = connect({
        host: '127.0.0.1',
        servername: 'localhost',
        port: pair.portOf(on),
        ca: ca.cert,
        ...(client !== undefined && { cert: client.cert, key: client.key }),
        ...options,
      })
      const lines = Object.entries({ host: 'localhost', connection: 'close', ...headers })
      socket.on('session', (ticket: Buffer) => (session = ticket))
      socket.once('error', reject)
      socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')))
      let reused = false
      socket.once('secureConnect', () => {
        reused = socket.isSessionReused()
        socket.write(`GET ${path} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`)
      })
      socket.once('end', () => {
        const header = (name: string): string | undefined => new RegExp(`^${name}: (.*)\r$`, 'im').exec(text)?.[1]
        socket.destroy()
        resolve({
          answer: header('x-txn-demo-answer') ?? header('x-txn-demo-error'),
          digest: header('x-txn-demo-digest'),
          resumed: [header('x-txn-demo-resumed') === '1', reused],
          session,
        })
      })
    })
  }

  const answer = async (path: string, question: Question = {}): Promise<string | undefined> =>
    (await ask(path, question)).answer

  describe.each(['TLSv1.2', 'TLSv1.3'] as const)('%s', (tls) => {
    const only = { minVersion: tls, maxVersion: tls }

    it('L1: no certificate is no identity, though ssl_c_verify says 0', async () => {
      expect(await answer('/machines', only)).toBe('client_cert_required')
    })

    it('a certificate of our authority is its name', async () => {
      const client = await workload('/ns/prod/sa/orders')
      const asked = await ask('/machines', { ...only, client })
      expect(asked.answer).toBe('spiffe://example.org/ns/prod/sa/orders')
      expect(asked.digest).toBe(sha256(client.der))
      expect(asked.resumed).toEqual([false, false])
    })

    it.each(['STRICT_PORT', 'CACHE_PORT'] as const)(
      'L2, L6: a resumed session (%s) has the same identity, and none when the certificate has ended',
      async (on) => {
        const client = await workload('/resumed')
        const first = await ask('/machines', { ...only, on, client })
        expect(first.answer).toBe('spiffe://example.org/resumed')
        // The certificate is not sent again: HAProxy has it from the session.
        const again = await ask('/machines', { ...only, on, session: first.session })
        expect(again).toMatchObject({ answer: first.answer, digest: sha256(client.der), resumed: [true, true] })
        ahead = 2 * 3_600_000
        try {
          const late = await ask('/machines', { ...only, on, session: again.session ?? first.session })
          expect(late).toMatchObject({ answer: 'client_cert_expired', resumed: [true, true] })
        } finally {
          ahead = 0
        }
      },
    )

    it('a session that began without a certificate has none when it is resumed', async () => {
      const first = await ask('/machines', only)
      const again = await ask('/machines', { ...only, session: first.session })
      expect(again).toMatchObject({ answer: 'client_cert_required', resumed: [true, true] })
    })

    it('L3: a certificate of nobody is refused at the handshake, or here where errors are ignored', async () => {
      const client = await clientCertificate({ names: [['url', 'spiffe://example.org/self']] })
      await expect(ask('/machines', { ...only, client })).rejects.toThrow(/alert|reset|socket/i)
      const first = await ask('/machines', { ...only, on: 'LAX_PORT', client })
      expect(first.answer).toBe('client_cert_untrusted')
      const again = await ask('/machines', { ...only, on: 'LAX_PORT', session: first.session })
      expect(again).toMatchObject({ answer: 'client_cert_untrusted', resumed: [true, true] })
    })

    it('an expired certificate likewise', async () => {
      const client = await issued({
        names: [['url', 'spiffe://example.org/old']],
        notBefore: new Date('2020-01-01'),
        notAfter: new Date('2021-01-01'),
      })
      await expect(ask('/machines', { ...only, client })).rejects.toThrow(/alert|reset|socket/i)
      expect(await answer('/machines', { ...only, on: 'LAX_PORT', client })).toBe('client_cert_expired')
    })

    it('X4, RFC 8705: a token bound to a certificate is good with it, resumed or not, and with nothing else', async () => {
      const client = await workload('/bound')
      const other = await workload('/other')
      const headers = { authorization: `Bearer ${token({ cnf: { 'x5t#S256': sha256(client.der) } })}` }
      const first = await ask('/corp', { ...only, client, headers })
      expect(first.answer).toBe('user-1')
      expect(await ask('/corp', { ...only, session: first.session, headers })).toMatchObject({
        answer: 'user-1',
        resumed: [true, true],
      })
      expect(await answer('/corp', { ...only, client: other, headers })).toBe('binding_mismatch')
      expect(await answer('/corp', { ...only, headers })).toBe('binding_missing')
      expect(await answer('/corp', { ...only, client, headers })).toBe('user-1')
    })
  })

  it('L4: a slash in a common name begins no second part', async () => {
    const client = await issued({ name: rawName({ CN: 'alice/O=admin' }) })
    expect(await answer('/people', { client })).toBe('alice/O=admin')
    expect(await answer('/names', { client })).toBe('CN=alice/O=admin')
  })

  it('L5, L7: one name written like two, and two names, are nobody', async () => {
    const crafted = await workload('/x, URI:spiffe://example.org/admin')
    expect(await answer('/machines', { client: crafted })).toBe('client_cert_not_allowed')
    const two = await issued({ names: ['a', 'b'].map((name) => ['url', `spiffe://example.org/${name}`] as const) })
    expect(await answer('/machines', { client: two })).toBe('client_cert_not_allowed')
  })

  it('L8: a wildcard is the name of nobody, whatever is allowed', async () => {
    const host = await issued({ names: [['dns', 'a.example.org']] })
    expect(await answer('/hosts', { client: host })).toBe('a.example.org')
    const wildcard = await issued({ names: [['dns', '*.example.org']] })
    expect(await answer('/hosts', { client: wildcard })).toBe('client_cert_not_allowed')
  })

  it('L9: X-Forwarded-Client-Cert says nothing', async () => {
    const headers = { 'x-forwarded-client-cert': 'URI=spiffe://example.org/a' }
    expect(await answer('/machines', { headers })).toBe('client_cert_required')
  })

  it('a port that asks for no certificate, or has no TLS, has nobody', async () => {
    const client = await workload('/a')
    expect(await answer('/machines', { on: 'PLAIN_PORT', client })).toBe('client_cert_required')
    expect((await pair.get('/machines')).headers['x-txn-demo-answer']).toBe('client_cert_required')
  })

  it('two requests on one connection are both judged', async () => {
    const client = await workload('/a')
    const socket = connect({
      host: '127.0.0.1',
      servername: 'localhost',
      port: pair.portOf('STRICT_PORT'),
      ca: ca.cert,
      cert: client.cert,
      key: client.key,
    })
    let text = ''
    socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')))
    socket.write(
      'GET /machines HTTP/1.1\r\nhost: a\r\n\r\nGET /people HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n',
    )
    await new Promise((resolve, reject) => socket.once('end', resolve).once('error', reject))
    socket.destroy()
    const answers = Array.from(text.matchAll(/^x-txn-demo-answer: (.*)\r$/gm), ([, one]) => one)
    expect(answers).toEqual(['spiffe://example.org/a', 'client'])
  })

  describe('DPoP', () => {
    const key = testKey('ES256')
    const bound = (): string => token({ cnf: { jkt: thumbprintOf(publicJwk(key)) } })
    const proof = (accessToken: string, claims: object = {}): string => {
      const iat = Math.floor(Date.now() / 1000)
      const htu = 'https://localhost/corp/orders'
      return proofOf(key, { claims: { ath: sha256(accessToken), iat, htu, ...claims } })
    }

    it('a token bound to a key is good with a fresh proof, once', async () => {
      const one = bound()
      const headers = { authorization: `DPoP ${one}`, dpop: proof(one) }
      expect(await answer('/corp/orders?page=2', { headers })).toBe('user-1')
      expect(await answer('/corp/orders', { headers })).toBe('dpop_replayed')
      expect(await answer('/corp/orders', { headers: { ...headers, dpop: proof(one) } })).toBe('user-1')
    })

    it('and refused without one, with one for something else, and as a bearer token', async () => {
      const one = bound()
      const authorization = `DPoP ${one}`
      expect(await answer('/corp/orders', { headers: { authorization } })).toBe('dpop_missing')
      expect(await answer('/corp/others', { headers: { authorization, dpop: proof(one) } })).toBe('dpop_invalid')
      const post = proof(one, { htm: 'POST' })
      expect(await answer('/corp/orders', { headers: { authorization, dpop: post } })).toBe('dpop_invalid')
      const twice = { authorization, dpop: proof(one), DPoP: proof(one) }
      expect(await answer('/corp/orders', { headers: twice })).toBe('dpop_invalid')
      const bearer = { authorization: `Bearer ${one}`, dpop: proof(one) }
      expect(await answer('/corp/orders', { headers: bearer })).toBe('dpop_missing')
    })
  })

  function token(claims: object): string {
    const iat = Math.floor(Date.now() / 1000)
    return signToken(issuerKey, {
      iss: issuer.issuer,
      sub: 'user-1',
      aud: 'orders-api',
      iat,
      exp: iat + 600,
      ...claims,
    })
  }
})
