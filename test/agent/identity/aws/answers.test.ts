import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ALICE, DEPLOYER, HOST } from './support/client.ts'
import { caller, refuse, xmlCaller, xmlRefuse } from './support/fake-sts.ts'
import { type AwsSetup, setUp } from './support/setup.ts'

let aws: AwsSetup

beforeEach(async () => {
  aws = await setUp()
})
afterEach(async () => {
  await aws[Symbol.asyncDispose]()
})

describe('what STS answers', () => {
  it('W16: a redirect is not followed', async () => {
    for (const status of [301, 302, 303, 307, 308]) {
      const before = aws.sts.requests.length
      aws.sts.answerWith(
        (_request, response) => void response.writeHead(status, { location: `${aws.sts.origin}/?x` }).end(),
      )
      expect(await aws.outcome(aws.credential(ALICE, { expires: String(status) }))).toBe('sts_unavailable')
      expect(aws.sts.requests).toHaveLength(before + 1)
    }
    expect(aws.scheme.status?.().lastError).toBe('HTTP 308: redirects are not followed')
  })

  it('W17: a throttling body with status 200, and with 400 and 503', async () => {
    for (const [index, status] of [200, 400, 503].entries()) {
      for (const answer of [refuse, xmlRefuse]) {
        aws.sts.answerWith(answer('Throttling', 'Rate exceeded', status))
        const credential = aws.credential(DEPLOYER, { expires: String(index), host: HOST, now: aws.clock.ms })
        expect(await aws.outcome(credential), String(status)).toBe('sts_unavailable')
        aws.monotonic.advance(60_000)
      }
    }
  })

  it.each([200, 400, 503])(
    'a caller who is throttled (%s) does not keep others from being asked about',
    async (status) => {
      aws.sts.answerWith(refuse('Throttling', 'Rate exceeded', status))
      for (let i = 0; i < 20; i++) {
        expect(await aws.outcome(aws.credential(DEPLOYER, { expires: String(i) }))).toBe('sts_unavailable')
      }
      expect(aws.scheme.status?.()).toMatchObject({ stale: false, lastError: 'STS throttles' })
      aws.sts.answerWith()
      expect(await aws.outcome(aws.credential(ALICE))).toBe('ok')
    },
  )

  it('an error of the service with a code of a caller is none of the caller', async () => {
    aws.sts.answerWith(refuse('SignatureDoesNotMatch', 'no', 503))
    expect(await aws.outcome(aws.credential())).toBe('sts_unavailable')
    aws.sts.answerWith(refuse('SomethingNew', 'no'))
    expect(await aws.outcome(aws.credential(ALICE))).toBe('sts_unavailable')
  })

  it('W18: XML where JSON was asked: never allowed, refusals understood', async () => {
    aws.sts.answerWith(xmlCaller(DEPLOYER))
    expect(await aws.outcome(aws.credential())).toBe('sts_unavailable')
    aws.sts.answerWith(xmlRefuse('SignatureDoesNotMatch', 'no'))
    expect(await aws.outcome(aws.credential(ALICE))).toBe('signature_invalid')
    aws.sts.answerWith(xmlRefuse('ExpiredToken', 'no'))
    expect(await aws.outcome(aws.credential(ALICE, { expires: '61' }))).toBe('expired')
  })

  it.each([500, 502, 503, 504])('W19: status %s', async (status) => {
    aws.sts.answerWith((_request, response) => void response.writeHead(status).end('oops'))
    expect(await aws.outcome(aws.credential())).toBe('sts_unavailable')
  })

  it('W19: slow', async () => {
    await using hasty = await setUp({ timeout: '50ms' })
    hasty.sts.answerWith(() => {})
    expect(await hasty.outcome(hasty.credential())).toBe('sts_unavailable')
    expect(hasty.scheme.status?.().lastError).toBe('no answer within 50 ms')
  })

  it('W19: a huge body', async () => {
    aws.sts.answerWith((_request, response) => void response.writeHead(200).end('x'.repeat(100_000)))
    expect(await aws.outcome(aws.credential())).toBe('sts_unavailable')
  })

  it('W20: SignatureDoesNotMatch, ExpiredToken', async () => {
    expect(await aws.outcome(aws.credential(DEPLOYER, { secretAccessKey: 'another' }))).toBe('signature_invalid')
    expect(await aws.outcome(aws.changed((url) => url.replace(/.$/, (last) => (last === '0' ? '1' : '0'))))).toBe(
      'signature_invalid',
    )
    const unknown = { ...ALICE, accessKeyId: 'AKIANOBODYEXAMPLE001' }
    expect(await aws.outcome(aws.credential(unknown))).toBe('signature_invalid')
    aws.sts.ended.add(ALICE.accessKeyId)
    expect(await aws.outcome(aws.credential(ALICE))).toBe('expired')
  })

  it('W20: a signature that STS finds too old is expired, not forged', async () => {
    aws.sts.answerWith(refuse('SignatureDoesNotMatch', 'Signature expired: 20260101T000000Z is now earlier than …'))
    expect(await aws.outcome(aws.credential())).toBe('expired')
  })

  it('W21: a session name spelled like another principal changes nothing: the identity stays the role', async () => {
    for (const name of ['alice', 'deploy-admin', 'root', '@admin', 'arn=aws,iam']) {
      const mallory = {
        ...DEPLOYER,
        accessKeyId: 'ASIAMALLORYEXAMPLE01',
        arn: `arn:aws:sts::111122223333:assumed-role/readers/${name}`,
        userId: `AROAEXAMPLEREADERS01:${name}`,
      }
      aws.sts.principals.set(mallory.accessKeyId, mallory)
      aws.monotonic.advance(120_000)
      const result = await aws.check(aws.credential(mallory))
      expect(result).toMatchObject({
        ok: true,
        identity: { subject: 'arn:aws:iam::111122223333:role/readers', session: '' },
      })
      if (result.ok) expect(result.identity.claims['callerChosen']).toMatchObject({ sessionName: name })
    }
  })

  it('an answer that contradicts itself, or is about nobody, lets nobody in', async () => {
    const odd = [
      { ...DEPLOYER, account: '999999999999' },
      { ...DEPLOYER, userId: 'AROAEXAMPLEDEPLOYER1:another' },
      { ...DEPLOYER, arn: 'root' },
      { ...DEPLOYER, arn: 'arn:aws:iam::111122223333:user/a b' },
      { ...DEPLOYER, userId: '' },
    ]
    for (const [index, principal] of odd.entries()) {
      aws.sts.answerWith(caller(principal))
      expect(await aws.outcome(aws.credential(DEPLOYER, { expires: String(index) })), principal.arn).toBe(
        'sts_unavailable',
      )
    }
    const bodies = [
      '',
      'null',
      '[]',
      '{"GetCallerIdentityResponse":null}',
      '{"GetCallerIdentityResponse":{"GetCallerIdentityResult":[]}}',
      '{"GetCallerIdentityResponse":{"GetCallerIdentityResult":{"Arn":1,"Account":"111122223333","UserId":"A"}}}',
      // Two parsers would see two callers.
      '{"GetCallerIdentityResponse":{"GetCallerIdentityResult":{"Arn":"arn:aws:iam::111122223333:user/bob","Arn":"arn:aws:iam::111122223333:user/alice","Account":"111122223333","UserId":"A"}}}',
      `${'['.repeat(8000)}`,
    ]
    for (const [index, body] of bodies.entries()) {
      aws.sts.answerWith((_request, response) => void response.writeHead(200).end(body))
      expect(await aws.outcome(aws.credential(ALICE, { expires: String(index) })), body.slice(0, 99)).toBe(
        'sts_unavailable',
      )
    }
  })

  it.each([201, 204, 400, 403, 418])('a caller in an answer of status %s is none', async (status) => {
    const result = { Arn: ALICE.arn, Account: ALICE.account, UserId: ALICE.userId }
    const body = JSON.stringify({ GetCallerIdentityResponse: { GetCallerIdentityResult: result } })
    aws.sts.answerWith((_request, response) => void response.writeHead(status).end(body))
    expect(await aws.outcome(aws.credential(ALICE))).toBe('sts_unavailable')
  })

  it('principals whose name their user chose, or of another partition, are refused', async () => {
    const arns = [
      'arn:aws:sts::111122223333:federated-user/alice',
      'arn:aws-cn:iam::111122223333:user/alice',
      'arn:aws:sts::111122223333:assumed-role/role-without-session',
      'arn:aws:iam::111122223333:group/admins',
    ]
    for (const [index, arn] of arns.entries()) {
      aws.sts.answerWith(caller({ ...ALICE, arn }))
      expect(await aws.outcome(aws.credential(ALICE, { expires: String(index) })), arn).toBe('claim_invalid')
    }
  })
})

it('no secret of a client gets into log, status or result', async () => {
  const results = [await aws.check(aws.credential())]
  aws.sts.answerWith((request, response) => void response.writeHead(503).end(`${request.url}`))
  for (let i = 0; i < 8; i++) results.push(await aws.check(aws.credential(DEPLOYER, { expires: String(i) })))
  aws.sts.answerWith(refuse('Oops-canary', 'echo of session-canary'))
  aws.monotonic.advance(100_000)
  results.push(await aws.check(aws.credential(DEPLOYER, { expires: '99' })))
  const outputs = JSON.stringify([results, aws.scheme.status?.(), aws.log.lines])
  expect(aws.log.lines).not.toEqual([])
  expect(outputs).not.toMatch(/canary|X-Amz-Signature|Oops/)
  for (const { target } of aws.sts.requests) {
    expect(outputs).not.toContain(/X-Amz-Signature=(.{64})/.exec(target)?.[1])
  }
})
