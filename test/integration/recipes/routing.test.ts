import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { reservePort } from '../../../agent/dev/ports.ts'
import { echoOf } from '../../../agent/dev/request.ts'
import { startUpstream, type Upstream } from '../../../agent/dev/upstream.ts'
import { bearer, HAPROXY_VERSIONS } from '../../support/edge.ts'
import { type Recipe, startRecipe } from '../../support/recipes.ts'

describe.each(HAPROXY_VERSIONS)('the recipe of routing on HAProxy %s', (version) => {
  const upstreams: Upstream[] = []
  let edge: Recipe

  beforeAll(async () => {
    for (const name of ['acme', 'shard1', 'shard2']) upstreams.push(await startUpstream(name, await reservePort()))
    const [acme, shard1, shard2] = upstreams.map(({ address }) => address)
    edge = await startRecipe(version, 'routing', {
      env: { ACME_SERVER: acme ?? '', SHARD1_SERVER: shard1 ?? '', SHARD2_SERVER: shard2 ?? '' },
    })
  })
  afterAll(async () => {
    await edge?.stop()
    for (const upstream of upstreams) await upstream.close()
  })

  /** Server behind that got it, and HAProxy's backend. */
  async function placeOf(path: string, client = 'buyer'): Promise<[string | undefined, string | undefined]> {
    const response = await edge.send({ method: 'GET', path, headers: bearer(await edge.identity.token(client)) })
    return [echoOf(response)?.upstream, (await edge.logged(response)).backend]
  }

  it('a rule names its backend, and without a name HAProxy chooses', async () => {
    expect(await placeOf('/orders/1')).toEqual(['orders', 'orders'])
    expect(await placeOf('/api/1')).toEqual(['app', 'app'])
  })

  it('callers go to the backend of their tenant, if the rule names it', async () => {
    expect(await placeOf('/tenants/me')).toEqual(['acme', 'tenant-acme'])
    expect(await placeOf('/tenants/me', 'viewer')).toEqual(['app', 'app'])
  })

  it('a part of the path chooses the server', async () => {
    for (let i = 0; i < 4; i++) {
      expect(await placeOf('/shards/1/items')).toEqual(['shard1', 'shards'])
      expect(await placeOf('/shards/2')).toEqual(['shard2', 'shards'])
    }
  })

  it('a server that is not there leaves the choice to HAProxy', async () => {
    const seen = [await placeOf('/shards/9/items'), await placeOf('/shards/9/items')]
    expect(new Set(seen.map(([name]) => name))).toEqual(new Set(['shard1', 'shard2']))
  })
})
