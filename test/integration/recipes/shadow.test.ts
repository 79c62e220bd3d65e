import { readFileSync, writeFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { waitUntil } from '../../../agent/dev/process.ts'
import { type EdgeResponse, reasonOf } from '../../../agent/dev/request.ts'
import { replaced } from '../../support/docs.ts'
import { bearer, HAPROXY_VERSIONS } from '../../support/edge.ts'
import { type Recipe, startRecipe } from '../../support/recipes.ts'

describe.each(HAPROXY_VERSIONS)('the recipe of shadow rules on HAProxy %s', (version) => {
  let edge: Recipe

  beforeAll(async () => {
    edge = await startRecipe(version, 'shadow')
  })
  afterAll(async () => edge?.stop())

  const order = async (client: string): Promise<EdgeResponse> =>
    edge.send({ method: 'POST', path: '/orders/1', headers: bearer(await edge.identity.token(client)) })
  const shadows = async (): Promise<string[]> => {
    const metrics = await (await fetch(`${edge.adminUrl}/metrics`)).text()
    const found = /^haproxy_temporal_shadow_decisions_total\{rule="([^"]+)",reason="([^"]+)"\} (\d+)$/gm
    return [...metrics.matchAll(found)].map(([, rule, reason, count]) => `${rule} ${reason} ${count}`)
  }

  const counted = [
    'only-buyers no_credentials 1',
    'only-buyers policy_denied 4',
    'order-rate no_credentials 1',
    'order-rate ok 4',
    'order-rate rate_limited 1',
  ]

  it('what it would have done is counted, and nobody is refused', async () => {
    for (let i = 0; i < 4; i++) expect((await order('viewer')).status).toBe(200)
    expect((await order('buyer')).status).toBe(200)
    expect((await edge.send({ method: 'POST', path: '/orders/1' })).status).toBe(401)
    expect((await shadows()).toSorted()).toEqual(counted)
  })

  it('without the word it counts, after a reload, and goes on with the same account', async () => {
    const { config } = edge.files
    writeFileSync(config, replaced(readFileSync(config, 'utf8'), /^ *mode: shadow\n/gm, ''))
    edge.agent.signal('SIGHUP')
    await waitUntil('the new rules', async () => (await order('viewer')).status === 403)
    const before = await shadows()
    expect(reasonOf(await order('viewer'))).toBe('policy_denied')
    // One of the three was spent while the rule was a shadow.
    const seen: number[] = []
    for (let i = 0; i < 3; i++) seen.push((await order('buyer')).status)
    expect(seen).toEqual([200, 200, 429])
    expect(await shadows()).toEqual(before)
  })
})
