import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type EdgeResponse, reasonOf } from '../../../agent/dev/request.ts'
import { HAPROXY_VERSIONS } from '../../support/edge.ts'
import { type Recipe, startRecipe } from '../../support/recipes.ts'

const HTML = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' }

describe.each(HAPROXY_VERSIONS)('the recipe of redirects on HAProxy %s', (version) => {
  let edge: Recipe

  beforeAll(async () => {
    edge = await startRecipe(version, 'redirect')
  })
  afterAll(async () => edge?.stop())

  const send = (method: string, path: string, headers: Record<string, string> = {}): Promise<EdgeResponse> =>
    edge.send({ method, path, headers })
  const target = async (answer: Promise<EdgeResponse>): Promise<[number, unknown]> => {
    const { status, headers } = await answer
    return [status, headers['location']]
  }

  it('a browser goes to the login and is told the way back, character by character', async () => {
    const response = await send('GET', '/app/orders?page=2&q=a%26b', HTML)
    expect(response.status).toBe(302)
    const url = new URL(String(response.headers['location']))
    expect(url.origin + url.pathname).toBe('https://login.example.com/start')
    expect([...url.searchParams]).toEqual([['rd', 'https://www.example.com/app/orders?page=2&q=a%26b']])
    expect(response.requestId).not.toBe('')
  })

  it('a program, and a browser that sends something, get 401 with a challenge', async () => {
    const answers = [
      await send('GET', '/app/orders', { accept: 'application/json' }),
      await send('GET', '/app/orders'),
      await send('POST', '/app/orders', HTML),
    ]
    expect(answers.map(({ status, headers }) => [status, headers['location']])).toEqual(
      answers.map(() => [401, undefined]),
    )
    for (const { headers } of answers) expect(headers['www-authenticate']).toMatch(/^Bearer/)
  })

  it('a session is let in, and one that has ended goes to the login', async () => {
    const cookie = `session=${await edge.identity.token('buyer')}`
    expect((await send('GET', '/app/orders', { ...HTML, cookie })).status).toBe(200)
    const now = Math.floor(Date.now() / 1000)
    const ended = await edge.identity.sign({ sub: 'buyer', iat: now - 7200, exp: now - 3600 })
    expect((await send('GET', '/app/orders', { ...HTML, cookie: `session=${ended}` })).status).toBe(302)
  })

  it('rules send clients elsewhere with each of the statuses', async () => {
    const cookie = `session=${await edge.identity.token('buyer')}`
    expect(await target(send('POST', '/app/forms', { cookie }))).toEqual([303, '/app/forms/done'])
    expect(await target(send('POST', '/old/a/b'))).toEqual([308, '/app/a/b'])
    expect(await target(send('POST', '/upload'))).toEqual([307, 'https://files.example.com/upload'])
    expect(await target(send('GET', '/login/done?rd=%2Fapp%2Forders'))).toEqual([302, '/app/orders'])
  })

  it.each([
    'https%3A%2F%2Fevil.example',
    '%2F%2Fevil.example',
    '%2F%5Cevil.example',
    '%2Fapp%2F%0d%0aSet-Cookie:a=b',
    '%2Fapp%2F..%2F%2Fevil.example',
    '',
  ])('the way back %s leads to no other place', async (rd) => {
    expect(await target(send('GET', `/login/done?rd=${rd}`))).toEqual([302, '/app/'])
  })

  it('of two ways back none is taken', async () => {
    const response = await send('GET', '/login/done?rd=%2Fapp%2Fa&rd=https%3A%2F%2Fevil.example')
    expect([response.status, reasonOf(response)]).toEqual([403, 'policy_error'])
  })

  it('paths that could mean another host are merged or refused', async () => {
    expect(await target(send('GET', '/old//evil.example/'))).toEqual([308, '/app/evil.example/'])
    const encoded = await send('GET', '/old/%2f%2fevil.example/')
    expect([encoded.status, reasonOf(encoded)]).toEqual([400, 'ambiguous_path'])
  })
})
