import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Authenticator } from '../../agent/identity/authenticator.ts'
import {
  ALICE,
  AUDIENCE,
  AUDIENCE_HEADER,
  credentialOf,
  DEPLOYER,
  HOST,
  presign,
  type PresignOptions,
} from '../agent/identity/aws/support/client.ts'
import {
  type Answer,
  caller,
  type FakeSts,
  type Principal,
  refuse,
  startFakeSts,
  xmlCaller,
  xmlRefuse,
} from '../agent/identity/aws/support/fake-sts.ts'
import { type DenyReason, reasons } from '../../agent/identity/reasons.ts'
import { hang } from '../agent/identity/support/jwks-server.ts'
import { type ClockedEdge, startClockedEdge } from '../support/clocked-edge.ts'

// Section W of the attack list: presigned requests that were tampered with, and answers of STS that name nobody. What an
// honest setup does is in aws.test.ts, on three versions; of a credential HAProxy hands on each byte, whichever it is.
const GLOBAL_HOST = 'sts.amazonaws.com'

const CONFIG = ({ origin, caFile }: FakeSts): string => {
  const sts = `accounts: ["111122223333"], endpoints: { ${HOST}: "${origin}", ${GLOBAL_HOST}: "${origin}" }, caFile: "${caFile}"`
  return `identity:
  providers:
    machines: { kind: aws, audience: ${AUDIENCE}, ${sts}, roles: { "arn:aws:iam::111122223333:role/admin": [admin] } }
    shown: { kind: aws, audience: ${AUDIENCE}, shownAudience: true, ${sts} }
    china: { kind: aws, audience: ${AUDIENCE}, partition: aws-cn, accounts: ["111122223333"] }
rules:
  - { name: machines, match: { path: /machines }, identity: { require: machines } }
  - { name: admin, match: { path: /admin, when: '"admin" in identity.roles' }, identity: { require: machines } }
  - { name: shown, match: { path: /shown }, identity: { require: shown } }
  - { name: china, match: { path: /china }, identity: { require: china } }
`
}

describe('presigned requests that are not what they should be, through HAProxy 3.0', () => {
  let edge: ClockedEdge
  let sts: FakeSts
  let auth: Authenticator
  let made = 0

  beforeAll(async () => {
    edge = await startClockedEdge('3.0', [AUDIENCE_HEADER])
    sts = await startFakeSts([HOST, GLOBAL_HOST], edge.clock.now)
    for (const one of [DEPLOYER, ALICE]) sts.principals.set(one.accessKeyId, one)
  })
  afterAll(async () => {
    await edge?.stop()
    await sts?.[Symbol.asyncDispose]()
  })
  beforeEach(async () => {
    sts.answerWith()
    sts.requests.length = 0
    auth = await edge.use(CONFIG(sts))
  })

  /** Another one each time. */
  const url = (principal: Principal = DEPLOYER, options: Partial<PresignOptions> = {}): string =>
    presign(principal, { now: edge.clock.ms, expires: String(1 + (made++ % 900)), ...options })
  const credential = (principal?: Principal, options?: Partial<PresignOptions>): string =>
    credentialOf(url(principal, options))
  const madeAt = (offset: number): string => credential(DEPLOYER, { now: edge.clock.ms + offset })
  const changed = (from: string | RegExp, to: string): string => credentialOf(url().replace(from, to))
  const plus = (parameter: string): string => credentialOf(`${url()}${parameter}`)

  it.each<[string, () => string, reason?: DenyReason]>([
    ['W1: over 4096 bytes', () => plus(`&X-Amz-Security-Token=${'x'.repeat(4096)}`), 'token_too_large'],
    ['W2: with another prefix', () => credentialOf(url(), 'aws-gci-v2.')],
    ['W2: in base64 with padding', () => `${credential()}=`],
    ['W2: in base64 of another alphabet', () => `${credential()}+/`],
    ['W2: of nothing', () => 'aws-gci-v1.'],
    ['W2: with a line of its own', () => plus('\r\nx: y')],
    ['W3: over http', () => changed('https:', 'http:')],
    ['W3: of a file', () => changed('https:', 'file:')],
    ['W4: for another host', () => changed(HOST, 'evil.example'), 'unknown_issuer'],
    ['W4: for a metadata address', () => changed(HOST, '169.254.169.254'), 'unknown_issuer'],
    ['W4: for a host with a user before it', () => changed(HOST, `${HOST}@evil.example`), 'unknown_issuer'],
    ['W4: for another port', () => changed(HOST, `${HOST}:8443`), 'unknown_issuer'],
    ['W6: for another path', () => changed('/?', '/admin?')],
    ['W6: for no path', () => changed('/?', '?')],
    ['W6: for a path with dots', () => changed('/?', '/./?')],
    ['W7: that begins with another method', () => credentialOf(`POST ${url()}`)],
    ['W7: that names another method', () => plus('&method=POST')],
    ['W8: with a parameter once more in small letters', () => plus('&x-amz-credential=eve')],
    ['W8: with another action in capitals', () => plus('&ACTION=AssumeRole')],
    ['W8: with an escaped parameter once more', () => plus('&X%2DAmz-Date=20260101T000000Z')],
    ['W9: with a parameter more', () => plus('&RoleArn=x')],
    ['W9: with an empty parameter', () => plus('&')],
    ['W10: of another action', () => changed('GetCallerIdentity', 'GetSessionToken')],
    ['W11: that does not sign its audience', () => credential(DEPLOYER, { headers: {} }), 'claim_missing'],
    ['W13: made five minutes ago', () => madeAt(-300_000), 'expired'],
    ['W14: made by a clock a minute and a second ahead', () => madeAt(61_000), 'issued_in_future'],
    ['W15: good for 901 seconds', () => credential(DEPLOYER, { expires: '901' })],
    ['W15: good for a time before now', () => credential(DEPLOYER, { expires: '-1' })],
    ['W15: good for an odd number', () => credential(DEPLOYER, { expires: '0x10' })],
  ])('a credential %s is refused, and STS hears nothing of it', async (_what, make, reason = 'malformed_token') => {
    expect(await edge.outcome('/machines', make())).toEqual([reasons[reason].status, reason])
    expect(sts.requests).toEqual([])
  })

  it('W13, W14: a credential may be nearly five minutes old, and a minute ahead', async () => {
    for (const offset of [-299_000, 60_000]) {
      expect(await edge.outcome('/machines', madeAt(offset))).toEqual([200, 'ok'])
    }
  })

  it('W5: the host without a region is none of another partition', async () => {
    const request = presign(DEPLOYER, { now: edge.clock.ms, host: GLOBAL_HOST })
    for (const each of [request, request.replace('.com', '.com.cn')]) {
      expect(await edge.outcome('/china', credentialOf(each))).toEqual([401, 'unknown_issuer'])
    }
    expect(sts.requests).toEqual([])
    expect(await edge.outcome('/machines', credentialOf(request))).toEqual([200, 'ok'])
  })

  it('W7: a request that was signed as POST goes out as GET, and STS finds its signature wrong', async () => {
    expect(await edge.outcome('/machines', credential(DEPLOYER, { method: 'POST' }))).toEqual([
      401,
      'signature_invalid',
    ])
    expect(sts.requests).toHaveLength(1)
  })

  it('W12: an audience that clients show, and that is not ours, is told apart without asking', async () => {
    const ask = (value: string): Promise<unknown> => {
      const headers = { [AUDIENCE_HEADER]: value }
      return edge.ask('/shown', credential(DEPLOYER, { headers }), { headers })
    }
    expect(await ask('payments-api')).toMatchObject({ status: 401, reason: 'audience_mismatch' })
    expect(sts.requests).toEqual([])
    expect(await ask(AUDIENCE)).toMatchObject({ status: 200, reason: 'ok' })
  })

  it.each<[string, () => Answer, status?: number, reason?: string]>([
    ...[301, 302, 303, 307, 308].map((status): [string, () => Answer] => [
      `W16: a redirect (${status})`,
      () => (_request, response) => void response.writeHead(status, { location: `${sts.origin}/?x` }).end(),
    ]),
    ['W17: throttling with status 200', () => refuse('Throttling', 'Rate exceeded', 200)],
    ['W17: throttling with status 400', () => refuse('Throttling', 'Rate exceeded', 400)],
    ['W17: throttling as XML with status 200', () => xmlRefuse('Throttling', 'Rate exceeded', 200)],
    ['W18: a caller as XML', () => xmlCaller(DEPLOYER)],
    ['W18: a forged signature as XML', () => xmlRefuse('SignatureDoesNotMatch', 'no'), 401, 'signature_invalid'],
    ['W18: an ended session as XML', () => xmlRefuse('ExpiredToken', 'no'), 401, 'expired'],
    ['W18: JSON that names two callers', () => twice],
    ['W19: an answer 500', () => (_request, response) => void response.writeHead(500).end('oops')],
    ['W19: no answer in time', () => hang],
    ['W19: a huge answer', () => (_request, response) => void response.writeHead(200).end('x'.repeat(1_000_000))],
    [
      'W20: a signature that STS finds too old',
      () => refuse('SignatureDoesNotMatch', 'Signature expired: 2025 …'),
      401,
      'expired',
    ],
  ])('%s lets nobody in', async (_what, answer, status = 503, reason = 'sts_unavailable') => {
    sts.answerWith(answer())
    const told = await edge.ask('/machines', credential())
    expect(told).toMatchObject({ status, reason, retryAfter: status === 503 ? '1' : undefined })
    // Once: nothing that STS says is followed or tried again.
    expect(sts.requests).toHaveLength(1)
    expect(JSON.stringify([auth.status(), edge.log.lines])).not.toMatch(/canary|X-Amz-|aws-gci-v1/)
  })

  it.each(['admin', 'root', '@admin', 'arn=aws,iam'])(
    'W21: a session that is called %s stays the role that it is of',
    async (name) => {
      const request = credential(sessionOf(name))
      expect(await edge.ask('/machines', request)).toMatchObject({
        status: 200,
        subject: 'arn:aws:iam::111122223333:role/readers',
      })
      expect(await edge.outcome('/admin', request)).toEqual([403, 'default_denied'])
    },
  )

  it.each(['role/admin', 'arn:aws:iam::111122223333:role/admin'])(
    'W21: a session that is called %s is nobody, because none can be',
    async (name) => {
      const request = credential(sessionOf(name))
      for (const path of ['/machines', '/admin']) {
        expect(await edge.ask(path, request)).toMatchObject({
          status: 401,
          reason: 'claim_invalid',
          subject: undefined,
        })
      }
    },
  )

  /** Of a role that may little; its holder has chosen the name, and STS is told to say so. */
  function sessionOf(name: string): Principal {
    const arn = `arn:aws:sts::111122223333:assumed-role/readers/${name}`
    const principal = { ...DEPLOYER, arn, userId: `AROAEXAMPLEREADERS01:${name}` }
    sts.answerWith(caller(principal))
    return principal
  }
})

/** Of two parsers one takes the first, one the last. */
const twice: Answer = (_request, response) => {
  const arns = [ALICE.arn, DEPLOYER.arn].map((arn) => `"Arn":"${arn}"`).join()
  const result = `{${arns},"Account":"111122223333","UserId":"${DEPLOYER.userId}"}`
  response.writeHead(200).end(`{"GetCallerIdentityResponse":{"GetCallerIdentityResult":${result}}}`)
}
