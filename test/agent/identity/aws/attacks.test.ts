import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { headersOf } from '../support/evidence.ts'
import { ALICE, AUDIENCE, AUDIENCE_HEADER, credentialOf, DEPLOYER, HOST, presign } from './support/client.ts'
import { caller, refuse, xmlCaller, xmlRefuse } from './support/fake-sts.ts'
import { type AwsSetup, setUp } from './support/setup.ts'

let aws: AwsSetup

beforeEach(async () => {
  aws = await setUp()
})
afterEach(async () => {
  await aws[Symbol.asyncDispose]()
})

/** Every credential is refused for the reason, and STS hears of none. */
async function refusedUnasked(credentials: readonly string[], reason: string): Promise<void> {
  for (const credential of credentials) expect(await aws.outcome(credential), credential).toBe(reason)
  expect(aws.sts.requests).toEqual([])
}

/** The character after this one in the alphabet of base64url. */
function nextTo(character: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  return alphabet[alphabet.indexOf(character) + 1] ?? ''
}

/** A genuine URL with a change. */
function changed(change: (url: string) => string): string {
  return credentialOf(change(presign(DEPLOYER, { now: aws.clock.ms })))
}

describe('refused before anybody is asked', () => {
  it('W1: over 4096 bytes', async () => {
    const fill = 'x'.repeat(4096)
    await refusedUnasked(
      [`aws-gci-v1.${fill}`, changed((url) => `${url}&X-Amz-Security-Token=${fill}`)],
      'token_too_large',
    )
  })

  it('W2: wrong prefix, bad base64', async () => {
    const encoded = aws.credential().slice('aws-gci-v1.'.length)
    await refusedUnasked(
      [
        `aws-gci-v2.${encoded}`,
        `k8s-aws-v2.${encoded}`,
        encoded,
        'aws-gci-v1.',
        'aws-gci-v1.!!!!',
        `aws-gci-v1.${encoded}=`,
        `aws-gci-v1.${encoded} `,
        `aws-gci-v1.${encoded.replaceAll('_', '/')}.`,
        // Another spelling of the same bytes: spare bits that are not zero.
        ...['6', '60', '600'].flatMap((expires) => {
          const genuine = aws.credential(DEPLOYER, { expires })
          return (genuine.length - 'aws-gci-v1.'.length) % 4 === 0
            ? []
            : [genuine.slice(0, -1) + nextTo(genuine.slice(-1))]
        }),
        // Bytes that no URL holds.
        credentialOf(`${presign(DEPLOYER, { now: aws.clock.ms })}\r\nx: y`),
        credentialOf('https://sts.amazonaws.com\\@evil.example/?Action=GetCallerIdentity\0'),
      ],
      'malformed_token',
    )
  })

  it('W3: http scheme', async () => {
    await refusedUnasked(
      ['http:', 'HTTPS:', 'ftp:', '', 'file:'].map((scheme) => changed((url) => url.replace('https:', scheme))),
      'malformed_token',
    )
  })

  it('W4: host outside the list; look-alike suffix', async () => {
    const hosts = [
      'evil.example',
      '127.0.0.1',
      '169.254.169.254',
      'localhost',
      `${HOST}.evil.example`,
      `evil-${HOST}`,
      `x.${HOST}`,
      `${HOST}.`,
      `${HOST}:443`,
      `${HOST}:8443`,
      `user@${HOST}`,
      `${HOST}@evil.example`,
      `evil.example\\.${HOST}`,
      HOST.toUpperCase(),
      'sts.eu-west-1.amazonaws.com.cn',
      'sts.eu-west-1.amazonaws.co',
      'sts.eu-west-1-amazonaws.com',
      'sts.not-a-region.amazonaws.com',
      'sts-fips.eu-west-1.amazonaws.com',
      'iam.amazonaws.com',
      's3.eu-west-1.amazonaws.com',
      '%73ts.eu-west-1.amazonaws.com',
    ]
    await refusedUnasked(
      hosts.map((host) => changed((url) => url.replace(HOST, host))),
      'unknown_issuer',
    )
  })

  it('W5: global host for a non-aws partition', async () => {
    await using china = await setUp({ partition: 'aws-cn' })
    const url = presign(DEPLOYER, { now: china.clock.ms, host: 'sts.amazonaws.com' })
    expect(await china.outcome(credentialOf(url))).toBe('unknown_issuer')
    expect(await china.outcome(credentialOf(url.replace('.com', '.com.cn')))).toBe('unknown_issuer')
    expect(china.sts.requests).toEqual([])
    // In its own partition it is one of the hosts.
    expect(await aws.outcome(credentialOf(url))).toBe('ok')
  })

  it('W6: path not /', async () => {
    const paths = ['/abc?', '//?', '/./?', '/%2f?', '/..;/?', '?', '/#/?', '/;a=b?']
    await refusedUnasked(
      paths.map((path) => changed((url) => url.replace('/?', path))),
      'malformed_token',
    )
  })

  it('W7: method not GET: a request signed as POST goes out as GET, and its signature is wrong', async () => {
    expect(await aws.outcome(aws.credential(DEPLOYER, { method: 'POST' }))).toBe('signature_invalid')
    await refusedUnaskedAfter([changed((url) => `POST ${url}`), changed((url) => `${url}&method=POST`)])
  })

  it('W8: duplicate parameters differing in case', async () => {
    await refusedUnasked(
      [
        changed((url) => `${url}&x-amz-credential=eve`),
        changed((url) => `${url}&ACTION=GetCallerIdentity`),
        changed((url) => `${url}&Action=AssumeRole`),
        changed((url) => url.replace('?Action', '?action=GetCallerIdentity&Action')),
        changed((url) => `${url}&X%2DAmz-Date=20260101T000000Z`),
      ],
      'malformed_token',
    )
  })

  it('W9: parameter outside the whitelist', async () => {
    await refusedUnasked(
      ['&Foo=1', '&RoleArn=x', '&', '&&', '&=', '&Foo', ';Foo=1', '&DurationSeconds=900', '&constructor=1'].map(
        (more) => changed((url) => `${url}${more}`),
      ),
      'malformed_token',
    )
  })

  it('W10: action other than GetCallerIdentity', async () => {
    const actions = [
      'AssumeRole',
      'getcalleridentity',
      'GetCallerIdentity%20',
      'GetCallerIdentity%00',
      '',
      'GetSessionToken',
    ]
    await refusedUnasked(
      [
        ...actions.map((action) => changed((url) => url.replace('GetCallerIdentity', action))),
        changed((url) => url.replace('Action=GetCallerIdentity&', '')),
        changed((url) => url.replace('2011-06-15', '2010-01-01')),
      ],
      'malformed_token',
    )
  })

  it('W11: audience header absent from SignedHeaders', async () => {
    const headers = [{}, { 'x-k8s-aws-id': AUDIENCE }, { [`${AUDIENCE_HEADER}s`]: AUDIENCE }]
    await refusedUnasked(
      headers.map((signed) => aws.credential(DEPLOYER, { headers: signed })),
      'claim_missing',
    )
  })

  it('W12: audience header signed, other value, which the request shows', async () => {
    const credential = aws.credential(DEPLOYER, { headers: { [AUDIENCE_HEADER]: 'payments-api' } })
    const shown = { headers: headersOf({ [AUDIENCE_HEADER]: 'payments-api' }) }
    expect(await aws.outcome(credential, shown)).toBe('audience_mismatch')
    const twice = new Map([[AUDIENCE_HEADER, { value: AUDIENCE, count: 2 }]])
    expect(await aws.outcome(aws.credential(), { headers: twice })).toBe('audience_mismatch')
    expect(aws.sts.requests).toEqual([])
    expect(await aws.outcome(aws.credential(), { headers: headersOf({ [AUDIENCE_HEADER]: AUDIENCE }) })).toBe('ok')
  })

  it('W12: audience header signed, other value, which only STS can find: our value makes the signature wrong', async () => {
    const credential = aws.credential(DEPLOYER, { headers: { [AUDIENCE_HEADER]: 'payments-api' } })
    expect(await aws.outcome(credential)).toBe('signature_invalid')
    // To lie about it does not help.
    expect(await aws.outcome(credential, { headers: headersOf({ [AUDIENCE_HEADER]: AUDIENCE }) })).toBe(
      'signature_invalid',
    )
    expect(aws.sts.requests.map(({ headers }) => headers[AUDIENCE_HEADER])).toEqual([AUDIENCE])
  })

  it('W13: too old', async () => {
    const credential = aws.credential()
    aws.clock.advance(300_000)
    await refusedUnasked([credential], 'expired')
    aws.clock.advance(-1)
    expect(await aws.outcome(credential)).toBe('ok')
  })

  it('W14: X-Amz-Date more than 60 s ahead', async () => {
    const now = aws.clock.ms
    await refusedUnasked([aws.credential(DEPLOYER, { now: now + 61_000 })], 'issued_in_future')
    expect(await aws.outcome(aws.credential(DEPLOYER, { now: now + 60_000 }))).toBe('ok')
  })

  it('W15: X-Amz-Expires outside 0..900', async () => {
    const expires = ['901', '-1', '9999999', '', '1e2', '60.5', '0x10', ' 60', '604800']
    await refusedUnasked(
      expires.map((value) => aws.credential(DEPLOYER, { expires: value })),
      'malformed_token',
    )
    for (const value of ['0', '900']) {
      expect(await aws.outcome(aws.credential(DEPLOYER, { expires: value })), value).toBe('ok')
    }
  })

  it('dates that do not exist, other algorithms and services, signatures of another form, unknown signed headers', async () => {
    const replaced = (from: string | RegExp, to: string): string => changed((url) => url.replace(from, to))
    await refusedUnasked(
      [
        replaced('X-Amz-Date=20260101T', 'X-Amz-Date=20261301T'),
        replaced('X-Amz-Date=20260101T000000Z', 'X-Amz-Date=20260101T000060Z'),
        replaced('X-Amz-Date=20260101T000000Z', 'X-Amz-Date=2026-01-01T00:00:00Z'),
        replaced('X-Amz-Date=20260101T000000Z', 'X-Amz-Date=20260101T240000Z'),
        replaced('X-Amz-Date=20260101T', 'X-Amz-Date=20260102T'),
        replaced('AWS4-HMAC-SHA256', 'AWS4-ECDSA-P256-SHA256'),
        replaced('%2Fsts%2F', '%2Fs3%2F'),
        replaced(/X-Amz-Signature=.*/, 'X-Amz-Signature=abc'),
        replaced(/X-Amz-Signature=.*/, ''),
        replaced('SignedHeaders=host%3B', 'SignedHeaders='),
        replaced('SignedHeaders=host%3B', 'SignedHeaders=host%3Bhost%3B'),
        replaced('SignedHeaders=host%3B', 'SignedHeaders=Host%3B'),
        aws.credential(DEPLOYER, { headers: { [AUDIENCE_HEADER]: AUDIENCE, 'x-other': '1' } }),
        replaced(/X-Amz-Security-Token=[^&]*/, 'X-Amz-Security-Token='),
        replaced('X-Amz-Security-Token=', 'X-Amz-Security-Token=%0A'),
        replaced('X-Amz-Security-Token=', 'X-Amz-Security-Token=%C3%A4'),
        replaced('X-Amz-Security-Token=', 'X-Amz-Security-Token=+'),
        replaced('X-Amz-Security-Token=', 'X-Amz-Security-Token=%2'),
      ],
      'malformed_token',
    )
  })
})

/** As {@link refusedUnasked}, where STS was asked before. */
async function refusedUnaskedAfter(credentials: readonly string[]): Promise<void> {
  const before = aws.sts.requests.length
  for (const credential of credentials) expect(await aws.outcome(credential)).toBe('malformed_token')
  expect(aws.sts.requests).toHaveLength(before)
}

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
    expect(await aws.outcome(changed((url) => url.replace(/.$/, (last) => (last === '0' ? '1' : '0'))))).toBe(
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
