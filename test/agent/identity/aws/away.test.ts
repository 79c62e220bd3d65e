import type { ServerResponse } from 'node:http'
import { describe, expect, it } from 'vitest'
import { DEPLOYER, HOST } from './support/client.ts'
import { caller } from './support/fake-sts.ts'
import { type AwsSetup, OTHER_HOST, setUp } from './support/setup.ts'

const OTHER = { host: OTHER_HOST, region: 'us-west-2' }
const ONE = { hosts: [HOST] }
const TWO = { hosts: [HOST, OTHER_HOST] }

/** Ten credentials for a host. */
async function ask(aws: AwsSetup, options: { host?: string; region?: string } = {}): Promise<void> {
  for (let i = 0; i < 10; i++) await aws.outcome(aws.credential(DEPLOYER, { ...options, expires: String(i) }))
}

const answering = (aws: AwsSetup, status: number, body = ''): void =>
  aws.sts.answerWith((_request, response: ServerResponse) => void response.writeHead(status).end(body))

describe('AWS STS', () => {
  it('is not away before it is asked, nor while it answers', async () => {
    await using aws = await setUp(ONE)
    expect(aws.scheme.isAway?.()).toBe(false)
    await ask(aws)
    expect(aws.scheme.isAway?.()).toBe(false)
  })

  it.each([502, 503, 504])(
    'is away after some answers %i in a row, and back with the next other one',
    async (status) => {
      await using aws = await setUp(ONE)
      answering(aws, status)
      await ask(aws)
      expect(aws.sts.requests).toHaveLength(5)
      expect([aws.scheme.isAway?.(), aws.scheme.status?.()]).toMatchObject([true, { away: true, paused: true }])
      aws.sts.answerWith()
      aws.monotonic.advance(1000)
      expect(await aws.outcome(aws.credential(DEPLOYER, { expires: '99' }))).toBe('ok')
      expect([aws.scheme.isAway?.(), aws.scheme.status?.()]).toMatchObject([false, { away: false, paused: false }])
    },
  )

  it('is away when nobody answers in time', async () => {
    await using aws = await setUp({ ...ONE, timeout: '50ms' })
    aws.sts.answerWith(() => {})
    await ask(aws)
    expect(aws.scheme.isAway?.()).toBe(true)
  })

  it.each([400, 401, 403, 404, 429, 500])('is not away by an answer %i, whatever it says', async (status) => {
    await using aws = await setUp(ONE)
    answering(aws, status, '<ErrorResponse><Error><Code>Throttling</Code></Error></ErrorResponse>')
    await ask(aws)
    answering(aws, status, 'no')
    aws.monotonic.advance(10_000)
    await ask(aws)
    expect(aws.scheme.isAway?.()).toBe(false)
  })

  it('is away only when none of the allowed hosts is there: clients choose the host', async () => {
    await using aws = await setUp(TWO)
    aws.sts.answerWith((request, response) => {
      if (request.headers.host === HOST) response.writeHead(503).end()
      else caller(DEPLOYER)(request, response)
    })
    await ask(aws)
    // Nobody has asked the other one yet: that is no sign of its being away.
    expect([aws.scheme.isAway?.(), aws.scheme.status?.()]).toMatchObject([false, { away: false, paused: true }])
    await ask(aws, OTHER)
    expect(aws.scheme.isAway?.()).toBe(false)
    answering(aws, 503)
    aws.monotonic.advance(60_000)
    await ask(aws, OTHER)
    expect(aws.scheme.isAway?.()).toBe(true)
  })
})

it('status names the hosts that were asked, and sums up what is held of them', async () => {
  await using aws = await setUp(TWO)
  expect(aws.scheme.status?.()).toMatchObject({ endpoint: 'AWS STS', ageS: null, cache: { misses: 0 } })
  await aws.outcome(aws.credential())
  await aws.outcome(aws.credential(DEPLOYER, OTHER))
  expect(aws.scheme.status?.()).toMatchObject({
    endpoint: `https://${HOST} https://${OTHER_HOST}`,
    fetches: { ok: 2, failed: 0 },
    cache: { entries: 2, misses: 2, ok: 2, bytes: 4096, pending: 0 },
  })
})
