import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type EdgeResponse, reasonOf } from '../../../agent/dev/request.ts'
import { bearer, HAPROXY_VERSIONS } from '../../support/edge.ts'
import { type Recipe, startRecipe } from '../../support/recipes.ts'

describe.each(HAPROXY_VERSIONS)('the recipe of groups on HAProxy %s', (version) => {
  let edge: Recipe

  beforeAll(async () => {
    edge = await startRecipe(version, 'groups')
  })
  afterAll(async () => edge?.stop())

  const send = (path: string, method = 'GET', headers: Record<string, string> = {}): Promise<EdgeResponse> =>
    edge.send({ method, path, headers })
  /** Decisions of the agent so far. */
  const asked = async (): Promise<number> => {
    const metrics = await (await fetch(`${edge.adminUrl}/metrics`)).text()
    return [...metrics.matchAll(/^haproxy_temporal_decisions_total\{.*\} (\d+)$/gm)].reduce(
      (sum, [, n]) => sum + Number(n),
      0,
    )
  }

  it('files pass, and nobody is asked about them', async () => {
    const before = await asked()
    for (const path of ['/static/site.css', '/static/img/a-b_c/logo.svg?v=3']) {
      const response = await send(path)
      expect(response.status).toBe(200)
      expect(await edge.logged(response)).not.toHaveProperty('decision')
    }
    expect((await send('/static/site.css', 'HEAD')).status).toBe(200)
    expect(await asked()).toBe(before)
  })

  it('everything else is asked about', async () => {
    const token = await edge.identity.token('buyer')
    expect((await send('/api/x', 'GET', bearer(token))).status).toBe(200)
    expect(reasonOf(await send('/api/x'))).toBe('no_credentials')
    expect(reasonOf(await send('/'))).toBe('default_denied')
    expect((await send('/static/a+b.css')).status).toBe(200)
    expect((await send('/static/site.css', 'POST')).status).toBe(200)
    expect(await asked()).toBe(5)
  })

  it.each([
    ['/static/../api/x.css', 400],
    ['/static/%2e%2e/api/x.css', 400],
    ['/static/..%2fapi/x.css', 400],
    ['/static/..;/api/x.css', 400],
    ['//api/x.css', 401],
    ['/%61pi/x.css', 401],
    ['/staticx/a.css', 403],
  ])('%s is no file', async (path, status) => {
    expect((await send(path)).status).toBe(status)
  })

  it('an agent that is silent leaves the files open, and everything else closed', async () => {
    await edge.agent.stop('SIGKILL')
    expect((await send('/static/site.css')).status).toBe(200)
    const token = await edge.identity.token('buyer')
    for (const response of [
      await send('/api/x', 'GET', bearer(token)),
      await send('/static/a+b.css'),
      await send('/static/site.css', 'POST'),
      await send('/'),
    ]) {
      expect([response.status, reasonOf(response)]).toEqual([503, 'agent_silent'])
    }
  })
})

describe.each(HAPROXY_VERSIONS)('the recipe of groups on HAProxy %s, with an agent that hangs', (version) => {
  it('closes when its time has passed, and leaves the files open', async () => {
    const edge = await startRecipe(version, 'groups', {
      env: { SPOE_PROCESSING_TIMEOUT: '2s', SPOE_AGAIN_TIMEOUT: '1s' },
    })
    try {
      expect(reasonOf(await edge.send({ method: 'GET', path: '/api/x' }))).toBe('no_credentials')
      edge.agent.signal('SIGSTOP')
      for (let i = 0; i < 3; i++) {
        expect(reasonOf(await edge.send({ method: 'GET', path: '/api/x' }))).toBe('agent_silent')
        expect((await edge.send({ method: 'GET', path: '/static/site.css' })).status).toBe(200)
      }
    } finally {
      edge.agent.signal('SIGCONT')
      await edge.stop()
    }
  })
})
