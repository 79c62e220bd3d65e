import { constants, generateKeyPairSync, type KeyObject, sign, verify } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { Worker } from 'node:worker_threads'
import { waitUntil } from '../agent/dev/process.ts'
import { parseConfig } from '../agent/config/load.ts'
import type { Authenticator } from '../agent/identity/authenticator.ts'
import { type Evidence, NO_HEADERS } from '../agent/identity/evidence.ts'
import { type IdentityParts, identityOf } from '../agent/identity/from-config.ts'
import type { Requirement } from '../agent/identity/requirement.ts'
import type { JoseTokens } from './identity/jose-thread.ts'
import { type Benchmark, type Case, type Context, cpuMicros } from './harness.ts'

const HITS = 50_000
/** Enough for a round to make the garbage collector run because of what is measured. */
const TOKENS = 2_000
/** Tokens in a row before it is the other's turn. */
const SLICE = 100

const BARE = 'bare crypto.verify'
const FIRST = 'first sight'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as (options: { type: 'minor' }) => void

/**
 * Before each measurement, so that it moves its own young objects and not those that setting up has left. Twice, because
 * an object stays young for one collection. A full one would also throw away what the compiler has learnt.
 */
function settle(): void {
  collect({ type: 'minor' })
  collect({ type: 'minor' })
}

/** The algorithms that providers use, with how node:crypto signs and checks them. */
const ALGORITHMS = {
  RS256: { hash: 'sha256', keys: () => generateKeyPairSync('rsa', { modulusLength: 2048 }), options: {} },
  PS256: {
    hash: 'sha256',
    keys: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
    options: { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 },
  },
  ES256: {
    hash: 'sha256',
    keys: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
    options: { dsaEncoding: 'ieee-p1363' as const },
  },
  EdDSA: { hash: null, keys: () => generateKeyPairSync('ed25519'), options: {} },
} as const
type Alg = keyof typeof ALGORITHMS

interface Token {
  /** A request that shows it; the only copy of its text, for what lies in memory is looked through at each collection. */
  readonly request: Evidence
  readonly input: Buffer
  readonly signature: Buffer
}

/** An issuer with one key: publishes it on loopback and signs access tokens as providers make them (RFC 9068). */
class Issuer {
  readonly #privateKey: KeyObject
  readonly #alg: Alg
  readonly publicKey: KeyObject
  readonly url: string
  #serial = 0

  private constructor(alg: Alg, keys: { privateKey: KeyObject; publicKey: KeyObject }, url: string) {
    this.#alg = alg
    this.#privateKey = keys.privateKey
    this.publicKey = keys.publicKey
    this.url = url
  }

  static async start(alg: Alg, { cleanup }: Context): Promise<Issuer> {
    const keys = ALGORITHMS[alg].keys()
    const jwk = { ...keys.publicKey.export({ format: 'jwk' }), kid: 'key-1', use: 'sig', alg }
    const server = createServer((request, response) => {
      const path = request.url ?? ''
      const body = path === '/jwks' ? { keys: [jwk] } : { issuer: url, jwks_uri: `${url}/jwks` }
      response.setHeader('content-type', 'application/json').end(JSON.stringify(body))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    cleanup.add(() => {
      server.close()
    })
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    return new Issuer(alg, keys, url)
  }

  token(): Token {
    const now = Math.floor(Date.now() / 1000)
    const serial = this.#serial++
    const payload = {
      iss: this.url,
      sub: `user-${serial}`,
      aud: 'orders-api',
      client_id: 'shop',
      iat: now,
      exp: now + 3600,
      jti: `0c8d2f6e-${serial}`,
      scope: 'orders:read orders:write',
      roles: ['buyer', 'viewer'],
      tenant: 'acme',
      email: 'alice@example.com',
    }
    const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
    const signed = `${encode({ alg: this.#alg, typ: 'at+jwt', kid: 'key-1' })}.${encode(payload)}`
    const { hash, options } = ALGORITHMS[this.#alg]
    const input = Buffer.from(signed)
    const signature = sign(hash, input, { key: this.#privateKey, ...options })
    return { request: evidenceOf(`${signed}.${signature.toString('base64url')}`), input, signature }
  }
}

/** A GET with a bearer token, as HAProxy tells of it. */
function evidenceOf(token: string): Evidence {
  return {
    requestId: '6B000000-1',
    method: 'GET',
    host: 'api.example.com',
    path: '/orders',
    query: '',
    source: '192.0.2.1',
    tls: true,
    // One piece of memory, as the frame decoder gives it: a joined string is put together by whoever reads it first.
    authorization: Buffer.from(`Bearer ${token}`, 'latin1').toString('latin1'),
    authorizationCount: 1,
    headers: NO_HEADERS,
    certificate: undefined,
    body: undefined,
  }
}

/** What proving a caller costs, beside the signature check that it cannot do without, and beside jose. */
export const identity: Benchmark = {
  name: 'identity',
  description: 'CPU of a known token, and of the first sight of one, beside the bare signature check and jose',
  rounds: 9,
  warmUps: 8,
  async prepare(context) {
    const cases = await Promise.all((Object.keys(ALGORITHMS) as Alg[]).map((alg) => casesOf(alg, context)))
    return {
      cases: cases.flat(),
      figures: (samples) => ({
        hit_us: samples.median('known token (RS256)'),
        ...Object.fromEntries(
          (Object.keys(ALGORITHMS) as Alg[]).flatMap((alg) => [
            [`miss_vs_bare_${alg}`, samples.ratio(`${alg} ${FIRST}`, `${alg} ${BARE}`)],
            [`jose_vs_bare_${alg}`, samples.ratio(`${alg} jose jwtVerify`, `${alg} ${BARE}`)],
          ]),
        ),
      }),
    }
  },
}

async function casesOf(alg: Alg, context: Context): Promise<Case[]> {
  const issuer = await Issuer.start(alg, context)
  const requirement: Requirement = { mode: 'any', providers: ['corp'] }
  const authenticate = (authenticator: Authenticator, evidence: Evidence | undefined): void => {
    const result = evidence === undefined ? undefined : authenticator.authenticate(requirement, evidence)
    if (result === undefined || result instanceof Promise || !result.ok) {
      throw new Error('not proven at once: this would measure something else')
    }
  }
  const { hash, options } = ALGORITHMS[alg]
  // Parameters on the key itself: given beside it, Node 24 spends as long on telling the two forms apart as on the check.
  const key = Object.assign(issuer.publicKey, options)
  const tokens = Array.from({ length: TOKENS }, () => issuer.token())
  const workerData: JoseTokens = {
    tokens: tokens.map(({ request }) => request.authorization?.slice('Bearer '.length) ?? ''),
    jwksUri: `${issuer.url}/jwks`,
    issuer: issuer.url,
    audience: 'orders-api',
  }
  const jose = new Worker(new URL('./identity/jose-thread.ts', import.meta.url), { workerData })
  context.cleanup.add(() => void jose.terminate())
  const knowing = await startIdentity(issuer)
  context.cleanup.add(() => knowing.close())
  const known = issuer.token().request
  authenticate(knowing.authenticator, known)
  const hit: Case = {
    label: `known token (${alg})`,
    unit: 'us',
    measure: () => cpuMicros(HITS, () => authenticate(knowing.authenticator, known)),
  }
  return [
    ...(alg === 'RS256' ? [hit] : []),
    {
      label: alg,
      unit: { [BARE]: 'us', [FIRST]: 'us' },
      async measure() {
        // One that has never seen these tokens.
        const parts = await startIdentity(issuer)
        settle()
        let [bare, first] = [0, 0]
        // In turns, so that both see the same machine, whatever else it is doing; bare checks make next to no garbage, so
        // what is collected meanwhile is ours.
        for (let start = 0; start < TOKENS; start += SLICE) {
          bare += cpuMicros(SLICE, (i) => {
            const { input, signature } = tokens[start + i] as Token
            if (!verify(hash, input, key, signature)) throw new Error('not verified: this would measure something else')
          })
          first += cpuMicros(SLICE, (i) => authenticate(parts.authenticator, tokens[start + i]?.request))
        }
        parts.close()
        return { [BARE]: (bare * SLICE) / TOKENS, [FIRST]: (first * SLICE) / TOKENS }
      },
    },
    {
      label: `${alg} jose jwtVerify`,
      unit: 'us',
      async measure() {
        jose.postMessage('go')
        const [micros] = (await once(jose, 'message')) as [number]
        return micros
      },
    },
  ]
}

async function startIdentity(issuer: Issuer): Promise<IdentityParts> {
  const text = `version: 1
spop: { listen: "tcp://127.0.0.1:9000" }
temporal: { address: "127.0.0.1:7233" }
identity: { providers: { corp: { issuer: "${issuer.url}", audience: orders-api } } }
rules: []
`
  const { config } = parseConfig('agent.yaml', text, {})
  const parts = identityOf(config, { info() {}, warn() {}, error: console.error })
  parts.start()
  await waitUntil('the keys', async () => parts.ready())
  return parts
}
