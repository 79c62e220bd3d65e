import { describe, expect, it } from 'vitest'
import { startConnectProxy } from '../support/connect-proxy.ts'
import { headersOf } from '../support/evidence.ts'
import { until } from '../support/provider.ts'
import { ALICE, AUDIENCE, AUDIENCE_HEADER, credentialOf, DEPLOYER, HOST, presign } from './support/client.ts'
import { caller } from './support/fake-sts.ts'
import { OTHER_HOST, setUp } from './support/setup.ts'

describe('who a caller is', () => {
  it('a role, whatever its session is called', async () => {
    await using aws = await setUp({
      tenant: 'account',
      roles: { 'arn:aws:iam::111122223333:role/deploy-*': ['deployer'] },
    })
    const credential = aws.credential()
    expect(await aws.check(credential)).toEqual({
      ok: true,
      identity: {
        provider: 'machines',
        method: 'aws',
        issuer: 'aws',
        subject: 'arn:aws:iam::111122223333:role/deploy-orders',
        tenant: '111122223333',
        roles: ['deployer'],
        scopes: [],
        claims: {
          account: '111122223333',
          arn: 'arn:aws:iam::111122223333:role/deploy-orders',
          userId: 'AROAEXAMPLEDEPLOYER1',
          callerChosen: { sessionName: 'ci-run-7', sessionArn: DEPLOYER.arn },
        },
        expiresAt: aws.clock.seconds + 300,
        issuedAt: aws.clock.seconds,
        credentialId: DEPLOYER.accessKeyId,
        session: '',
        digest: expect.stringMatching(/^[\w-]{43}$/) as string,
        confirmation: undefined,
        variables: {},
      },
    })
  })

  it('a user with a path, the root user; without a tenant unless asked for', async () => {
    await using aws = await setUp({
      roles: { 'arn:aws:iam::111122223333:user/division/*': ['a', 'b'], 'arn:*:iam::*:root': ['r'] },
    })
    const alice = { subject: ALICE.arn, tenant: '', roles: ['a', 'b'], claims: { userId: ALICE.userId } }
    expect(await aws.check(aws.credential(ALICE))).toMatchObject({ identity: alice })
    aws.sts.answerWith(caller({ ...ALICE, arn: 'arn:aws:iam::111122223333:root', userId: '111122223333' }))
    const root = { subject: 'arn:aws:iam::111122223333:root', roles: ['r'] }
    expect(await aws.check(aws.credential(ALICE, { expires: '1' }))).toMatchObject({ identity: root })
  })

  it('only accounts and ARNs of the lists', async () => {
    await using strangers = await setUp({ accounts: ['999999999999'] })
    expect(await strangers.outcome(strangers.credential())).toBe('claim_invalid')
    await using both = await setUp({ arns: ['arn:aws:iam::111122223333:role/deploy-*'] })
    expect(await both.outcome(both.credential(DEPLOYER))).toBe('ok')
    expect(await both.outcome(both.credential(ALICE))).toBe('claim_invalid')
    // Once refused, STS is not asked again for a while.
    expect(await both.outcome(both.credential(ALICE))).toBe('claim_invalid')
    expect(both.sts.requests).toHaveLength(2)
  })
})

describe('how STS is asked', () => {
  it('with the URL byte by byte, its host in TLS and in the request, and our audience', async () => {
    await using aws = await setUp()
    const url = presign(DEPLOYER, { now: aws.clock.ms })
    expect(await aws.outcome(credentialOf(url))).toBe('ok')
    expect(aws.sts.requests).toMatchObject([
      {
        target: url.slice(`https://${HOST}`.length),
        servername: HOST,
        headers: { host: HOST, accept: 'application/json', [AUDIENCE_HEADER]: AUDIENCE },
      },
    ])
  })

  it('in a credential as `aws eks get-token` makes it', async () => {
    await using aws = await setUp({ audienceHeader: 'X-K8s-Aws-Id' })
    const url = presign(DEPLOYER, { now: aws.clock.ms, headers: { 'x-k8s-aws-id': AUDIENCE } })
    expect(await aws.outcome(credentialOf(url, 'k8s-aws-v1.'))).toBe('ok')
  })

  it('only over TLS with a certificate for the host', async () => {
    await using aws = await setUp({ hosts: ['sts.example.internal'], endpoints: {} })
    await using elsewhere = await setUp({
      hosts: ['sts.example.internal'],
      endpoints: { 'sts.example.internal': aws.sts.origin },
      caFile: aws.sts.caFile,
    })
    const credential = elsewhere.credential(DEPLOYER, { host: 'sts.example.internal' })
    expect(await elsewhere.outcome(credential)).toBe('sts_unavailable')
    expect(elsewhere.scheme.status?.().lastError).toBe('connection failed (ERR_TLS_CERT_ALTNAME_INVALID)')
    expect(aws.sts.requests).toEqual([])
  })

  it('not at all without the CA that signed its certificate', async () => {
    await using aws = await setUp({ caFile: undefined })
    expect(await aws.outcome(aws.credential())).toBe('sts_unavailable')
    await using missing = await setUp({ caFile: '/nonexistent/ca.pem' })
    expect(await missing.outcome(missing.credential())).toBe('sts_unavailable')
    expect(missing.scheme.status?.()).toMatchObject({
      lastError: 'caFile cannot be read',
      fetches: { ok: 0, failed: 1 },
    })
  })

  it('through a proxy', async () => {
    await using proxy = await startConnectProxy()
    await using aws = await setUp({ proxy: proxy.url.origin })
    expect(await aws.outcome(aws.credential())).toBe('ok')
    expect(proxy.targets).toEqual([aws.sts.origin.slice('https://'.length)])
    expect(aws.sts.requests).toMatchObject([{ servername: HOST }])
  })
})

describe('what is remembered', () => {
  it('a genuine credential for a minute, synchronously, and never past its age', async () => {
    await using aws = await setUp()
    const credential = aws.credential()
    const first = await aws.check(credential)
    expect(aws.scheme.authenticate(credential, (await import('../support/evidence.ts')).evidenceOf())).toBe(
      first.ok ? first : undefined,
    )
    aws.monotonic.advance(60_000)
    expect(await aws.outcome(credential)).toBe('ok')
    expect(aws.sts.requests).toHaveLength(2)
    aws.clock.advance(300_000)
    expect(await aws.outcome(credential)).toBe('expired')
  })

  it('twenty requests with one credential ask once; a forged one is refused without asking for ten seconds', async () => {
    await using aws = await setUp()
    const credential = aws.credential()
    const outcomes = await Promise.all(Array.from({ length: 20 }, () => aws.outcome(credential)))
    expect(new Set(outcomes)).toEqual(new Set(['ok']))
    expect(aws.sts.requests).toHaveLength(1)
    const forged = aws.credential(ALICE, { secretAccessKey: 'guessed' })
    for (let i = 0; i < 5; i++) expect(await aws.outcome(forged)).toBe('signature_invalid')
    expect(aws.sts.requests).toHaveLength(2)
    aws.monotonic.advance(10_000)
    expect(await aws.outcome(forged)).toBe('signature_invalid')
    expect(aws.sts.requests).toHaveLength(3)
  })

  it('a credential that grows too old while STS is asked is expired', async () => {
    await using aws = await setUp()
    aws.clock.advance(0)
    const credential = aws.credential()
    aws.sts.answerWith((request, response) => {
      aws.clock.advance(300_000)
      caller(DEPLOYER)(request, response)
    })
    expect(await aws.outcome(credential)).toBe('expired')
  })
})

describe('when STS is in trouble', () => {
  it('more questions than allowed at once are overload', async () => {
    await using aws = await setUp({ maxPending: 2 })
    const held: (() => void)[] = []
    aws.sts.answerWith((request, response) => void held.push(() => caller(DEPLOYER)(request, response)))
    const waiting = ['1', '2'].map((expires) => aws.outcome(aws.credential(DEPLOYER, { expires })))
    await until(() => held.length === 2)
    expect(await aws.outcome(aws.credential(DEPLOYER, { expires: '3' }))).toBe('overload')
    for (const answer of held) answer()
    expect(await Promise.all(waiting)).toEqual(['ok', 'ok'])
  })

  it('one host that fails is left alone, another one is asked', async () => {
    await using aws = await setUp()
    aws.sts.answerWith((request, response) => {
      if (request.headers.host === HOST) response.writeHead(503).end()
      else caller(DEPLOYER)(request, response)
    })
    const other = { host: OTHER_HOST, region: 'us-west-2' }
    for (let i = 0; i < 10; i++) {
      expect(await aws.outcome(aws.credential(DEPLOYER, { expires: String(i) }))).toBe('sts_unavailable')
    }
    expect(aws.sts.requests).toHaveLength(5)
    expect(await aws.outcome(aws.credential(DEPLOYER, other))).toBe('ok')
    expect(aws.scheme.status?.()).toMatchObject({ stale: true, lastError: 'HTTP 503', fetches: { ok: 1, failed: 5 } })
    expect(aws.log.lines).toHaveLength(1)
  })

  it('closing ends the questions under way', async () => {
    await using aws = await setUp()
    aws.sts.answerWith(() => {})
    const waiting = aws.outcome(aws.credential())
    await until(() => aws.sts.requests.length === 1)
    aws.scheme.close?.()
    expect(await waiting).toBe('sts_unavailable')
  })
})

describe('credentials that count once', () => {
  it('a second use is replayed, also while the first is under way, however the URL is spelled', async () => {
    await using aws = await setUp({ oneTime: true })
    const url = presign(DEPLOYER, { now: aws.clock.ms })
    const both = [credentialOf(url), credentialOf(url)].map((credential) => aws.outcome(credential))
    expect(await Promise.all(both)).toEqual(['ok', 'replayed'])
    expect(await aws.outcome(credentialOf(url.replace('Action=', 'action=')))).toBe('replayed')
    expect(await aws.outcome(credentialOf(url, 'k8s-aws-v1.'))).toBe('replayed')
    aws.monotonic.advance(299_000)
    expect(await aws.outcome(credentialOf(url))).toBe('replayed')
    expect(aws.sts.requests).toHaveLength(1)
    expect(await aws.outcome(aws.credential(DEPLOYER, { expires: '61' }))).toBe('ok')
  })

  it('nobody loses his credential to an outage of STS', async () => {
    await using aws = await setUp({ oneTime: true })
    const credential = aws.credential()
    aws.sts.answerWith((_request, response) => void response.writeHead(503).end())
    expect(await aws.outcome(credential)).toBe('sts_unavailable')
    aws.sts.answerWith()
    aws.monotonic.advance(1000)
    expect(await aws.outcome(credential)).toBe('ok')
    expect(await aws.outcome(credential)).toBe('replayed')
  })
})

describe('a request of which two rules ask, with a credential that counts once', () => {
  it('gets the same answer twice, and no other request does', async () => {
    await using aws = await setUp({ oneTime: true })
    const credential = aws.credential()
    const evidence = { requestId: 'one' }
    const both = [aws.outcome(credential, evidence), aws.outcome(credential, evidence)]
    expect(await Promise.all(both)).toEqual(['ok', 'ok'])
    expect(await aws.outcome(credential, evidence)).toBe('ok')
    expect(await aws.outcome(credential)).toBe('replayed')
  })

  it('does not make it good for others when its second question fails', async () => {
    await using aws = await setUp({ oneTime: true })
    const credential = aws.credential()
    const evidence = { requestId: 'one' }
    expect(await aws.outcome(credential, evidence)).toBe('ok')
    aws.sts.answerWith((_request, response) => void response.writeHead(503).end())
    expect(await aws.outcome(credential, evidence)).toBe('sts_unavailable')
    aws.sts.answerWith()
    aws.monotonic.advance(1000)
    expect(await aws.outcome(credential)).toBe('replayed')
  })
})

describe('credentials bound to one request', () => {
  const bind = { methodHeader: 'x-app-method', pathHeader: 'x-app-path' }
  const signed = { [AUDIENCE_HEADER]: AUDIENCE, 'x-app-method': 'POST', 'x-app-path': '/orders/7' }

  it('are good for that method and path only, cached or not', async () => {
    await using aws = await setUp({ bind })
    const credential = aws.credential(DEPLOYER, { headers: signed })
    expect(await aws.outcome(credential, { method: 'POST', path: '/orders/7' })).toBe('ok')
    expect(await aws.outcome(credential, { method: 'POST', path: '/orders/8' })).toBe('signature_invalid')
    expect(await aws.outcome(credential, { method: 'GET', path: '/orders/7' })).toBe('signature_invalid')
    expect(await aws.outcome(credential, { method: 'POST', path: '/orders/7' })).toBe('ok')
    expect(aws.sts.requests).toHaveLength(3)
  })

  it('must be bound, and to something that a header can hold', async () => {
    await using aws = await setUp({ bind })
    expect(await aws.outcome(aws.credential())).toBe('binding_missing')
    const credential = aws.credential(DEPLOYER, { headers: signed })
    for (const path of ['/a b', '/a\r\nx: y', '/\u00e4', '']) {
      expect(await aws.outcome(credential, { method: 'POST', path }), path).toBe('binding_mismatch')
    }
    expect(aws.sts.requests).toEqual([])
  })

  it('a client shows what it likes in those headers: what counts is the request', async () => {
    await using aws = await setUp({ bind })
    const credential = aws.credential(DEPLOYER, { headers: signed })
    const headers = headersOf({ 'x-app-method': 'POST', 'x-app-path': '/orders/7' })
    expect(await aws.outcome(credential, { method: 'DELETE', path: '/orders/7', headers })).toBe('signature_invalid')
  })
})

it('recognises its credentials by their prefix, at the place agent.yaml names', async () => {
  await using aws = await setUp({ token: { from: ['authorization', { header: 'X-Aws-Identity' }] } })
  expect(aws.scheme.locations.map(({ id }) => id)).toEqual(['authorization:bearer', 'header:x-aws-identity'])
  expect(aws.scheme.needs).toEqual({ headers: ['x-aws-identity'] })
  await using showing = await setUp({ shownAudience: true, audienceHeader: 'X-Audience' })
  expect(showing.scheme.needs).toEqual({ headers: ['x-audience'] })
  await using usual = await setUp()
  expect(usual.scheme.needs).toEqual({ headers: [] })
  expect(usual.scheme.locations.map(({ id }) => id)).toEqual(['authorization:bearer'])
  expect(
    ['aws-gci-v1.x', 'k8s-aws-v1.x', 'aws-gci-v2.x', 'a.b.c', ''].map((text) => usual.scheme.recognises(text)),
  ).toEqual([true, true, false, false, false])
})
