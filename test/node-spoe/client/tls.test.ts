import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { createAgent, message } from 'node-spoe'
import { connect, healthCheck, load } from 'node-spoe/client'
import { ensureCertificates } from '../../../agent/dev/certificates.ts'
import { failure, fakeAgent } from './fake-agent.ts'

const folder = await mkdtemp(join(tmpdir(), 'spoe-tls-'))
const paths = await ensureCertificates(folder)
const [ca, edge] = await Promise.all([readFile(paths.ca), readFile(paths.edge)])
const tls = { ca, servername: 'localhost' }

afterAll(() => rm(folder, { recursive: true }))

test('client, health check and load speak TLS', async () => {
  const check = message({ args: {}, handle: (_, reply) => reply.setVar('txn', 'ok', true) })
  const agent = createAgent({ messages: { check }, deadlineMs: 60_000 })
  const [address] = await agent.listen({ address: 'tcp://127.0.0.1:0', tls: { cert: edge, key: edge } })
  try {
    const client = await connect(address!, { tls, timeoutMs: 60_000 })
    expect((await client.notify({ check: {} })).variables).toEqual({ 'txn.ok': true })
    await client.close()
    expect(await healthCheck(address!, { tls })).toMatchObject({ ok: true })
    const result = await load(address!, { notify: { check: {} }, tls, count: 500, connections: 2, timeoutMs: 60_000 })
    expect(result).toMatchObject({ answered: 500, unexpectedAcks: 0 })
    expect(await failure(connect(address!, { tls: { servername: 'localhost' } }))).toMatchObject({
      code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    })
    expect(await healthCheck(address!)).toMatchObject({ ok: false })
  } finally {
    await agent.close()
  }
})

test('a handshake that never ends fails after connectTimeoutMs', async () => {
  await using agent = await fakeAgent(() => {})
  expect(await failure(connect(agent.address, { tls, connectTimeoutMs: 20 }))).toMatchObject({
    code: 'ERR_SPOP_CONNECT_TIMEOUT',
  })
})
