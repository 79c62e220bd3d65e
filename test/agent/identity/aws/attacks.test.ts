import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { headersOf } from '../support/evidence.ts'
import { AUDIENCE, AUDIENCE_HEADER, credentialOf, DEPLOYER, HOST, presign } from './support/client.ts'
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

/** As {@link refusedUnasked}, where STS was asked before. */
async function refusedUnaskedAfter(credentials: readonly string[]): Promise<void> {
  const before = aws.sts.requests.length
  for (const credential of credentials) expect(await aws.outcome(credential)).toBe('malformed_token')
  expect(aws.sts.requests).toHaveLength(before)
}

describe('refused before anybody is asked', () => {
  it('W1: over 4096 bytes', async () => {
    const fill = 'x'.repeat(4096)
    await refusedUnasked(
      [`aws-gci-v1.${fill}`, aws.changed((url) => `${url}&X-Amz-Security-Token=${fill}`)],
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
      ['http:', 'HTTPS:', 'ftp:', '', 'file:'].map((scheme) => aws.changed((url) => url.replace('https:', scheme))),
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
      hosts.map((host) => aws.changed((url) => url.replace(HOST, host))),
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
      paths.map((path) => aws.changed((url) => url.replace('/?', path))),
      'malformed_token',
    )
  })

  it('W7: method not GET: a request signed as POST goes out as GET, and its signature is wrong', async () => {
    expect(await aws.outcome(aws.credential(DEPLOYER, { method: 'POST' }))).toBe('signature_invalid')
    await refusedUnaskedAfter([aws.changed((url) => `POST ${url}`), aws.changed((url) => `${url}&method=POST`)])
  })

  it('W8: duplicate parameters differing in case', async () => {
    await refusedUnasked(
      [
        aws.changed((url) => `${url}&x-amz-credential=eve`),
        aws.changed((url) => `${url}&ACTION=GetCallerIdentity`),
        aws.changed((url) => `${url}&Action=AssumeRole`),
        aws.changed((url) => url.replace('?Action', '?action=GetCallerIdentity&Action')),
        aws.changed((url) => `${url}&X%2DAmz-Date=20260101T000000Z`),
      ],
      'malformed_token',
    )
  })

  it('W9: parameter outside the whitelist', async () => {
    await refusedUnasked(
      ['&Foo=1', '&RoleArn=x', '&', '&&', '&=', '&Foo', ';Foo=1', '&DurationSeconds=900', '&constructor=1'].map(
        (more) => aws.changed((url) => `${url}${more}`),
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
        ...actions.map((action) => aws.changed((url) => url.replace('GetCallerIdentity', action))),
        aws.changed((url) => url.replace('Action=GetCallerIdentity&', '')),
        aws.changed((url) => url.replace('2011-06-15', '2010-01-01')),
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
    const replaced = (from: string | RegExp, to: string): string => aws.changed((url) => url.replace(from, to))
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
