import { readFileSync } from 'node:fs'
import { describe, expect, it, onTestFinished } from 'vitest'
import { classifyError } from '../../agent/dispatch/classify.ts'
import { METHODS } from '../../agent/dispatch/temporal/calls.ts'
import { Connection } from '../../agent/dispatch/temporal/connection.ts'
import { Secret } from '../../agent/secrets/secret.ts'
import { stubService } from '../agent/dispatch/support/stub-service.ts'
import { tempFolder } from '../support/folder.ts'
import { Credentials } from './credentials.ts'
import { GrpcProxy } from './grpc-proxy.ts'
import { EXHAUSTED, type Exhausted } from './injection.ts'

const DEADLINE_MS = 2_000

/** A server that takes everything, the proxy before it, and a client with its credentials. */
async function proxied() {
  const stub = await stubService(() => ({ started: true }))
  const credentials = await Credentials.create(tempFolder())
  const proxy = await GrpcProxy.start(await credentials.serverTls(), stub.address)
  onTestFinished(() => proxy.close())
  const { caFile, certFile, keyFile } = credentials.files
  const read = (file: string): string => readFileSync(file, 'utf8')
  const pair = { cert: read(certFile), key: new Secret(read(keyFile)) }
  const connection = new Connection({
    address: proxy.address,
    deadlineMs: DEADLINE_MS,
    credentials: {
      tls: { ca: read(caFile), pair, serverName: 'localhost' },
      apiKey: new Secret(credentials.apiKey),
      expiresAt: undefined,
      files: new Map(),
    },
  })
  onTestFinished(() => connection.close())
  const start = (namespace = 'default') =>
    connection.unary(METHODS.start, { namespace, requestId: 'a', workflowId: 'w' })
  return { stub, proxy, credentials, start }
}

describe('the proxy before Temporal', () => {
  it('passes calls and answers on, and sees who calls', async () => {
    const { stub, proxy, credentials, start } = await proxied()
    await expect(start()).resolves.toMatchObject({ started: true, runId: 'run' })
    expect(stub.calls).toMatchObject([{ requestId: 'a', workflowId: 'w', namespace: 'default' }])
    expect([...proxy.seen.apiKeys]).toEqual([credentials.apiKey])
    expect([...proxy.seen.clients]).toEqual([`CN=${credentials.client}`])
  })

  it('says that Temporal is unavailable when it is gone, and goes on when it is back', async () => {
    const { stub, start } = await proxied()
    stub.stop()
    await expect(start()).rejects.toMatchObject({ code: 14 })
    await stubService(() => ({ started: true }), stub.port)
    await expect(start()).resolves.toMatchObject({ started: true })
  })

  it('refuses calls that then have no effect, with a cause that the agent understands', async () => {
    const { stub, proxy, start } = await proxied()
    const causes: Record<string, unknown> = {}
    for (const cause of EXHAUSTED) {
      proxy.inject(() => ({ code: 8, cause }))
      causes[cause] = await start().catch((error: unknown) => classifyError(error, 'start'))
    }
    expect(causes).toMatchObject({
      RPS_LIMIT: { cause: 'slower' },
      APS_LIMIT: { cause: 'slower' },
      CONCURRENT_LIMIT: { cause: 'crowded' },
      BUSY_WORKFLOW: { cause: 'busy', scope: 'key' },
      SYSTEM_OVERLOADED: { cause: 'overloaded', scope: 'server' },
      PERSISTENCE_LIMIT: { cause: 'overloaded', scope: 'server' },
    } satisfies Record<Exhausted, object>)
    expect(stub.calls).toEqual([])
  })

  it('tells namespaces apart', async () => {
    const { stub, proxy, start } = await proxied()
    proxy.inject((_path, namespace) => (namespace === 'second' ? { code: 14 } : 'none'))
    await expect(start('second')).rejects.toMatchObject({ code: 14 })
    await expect(start()).resolves.toMatchObject({ started: true })
    expect(stub.calls).toMatchObject([{ namespace: 'default' }])
    expect([...proxy.seen.passed]).toEqual([['default', 1]])
  })

  it('lets calls have their effect and holds their answers back', async () => {
    const { stub, proxy, start } = await proxied()
    proxy.inject(() => 'late')
    await expect(start()).rejects.toMatchObject({ code: 4 })
    expect(stub.calls).toHaveLength(1)
    proxy.inject(() => ({ slowMs: 10 }))
    await expect(start()).resolves.toMatchObject({ started: true })
  })

  it('cuts connections before a call has its effect, and after', async () => {
    const { stub, proxy, start } = await proxied()
    proxy.inject(() => 'cut-before')
    await expect(start()).rejects.toMatchObject({ code: 14 })
    expect(stub.calls).toHaveLength(0)
    proxy.inject(() => 'cut-after')
    await expect(start()).rejects.toMatchObject({ code: 14 })
    expect(stub.calls).toHaveLength(1)
    proxy.heal()
    await expect(start()).resolves.toMatchObject({ started: true })
  })

  it('refuses API keys that it does not know', async () => {
    const { proxy, credentials, start } = await proxied()
    proxy.accept(new Set(['another']))
    await expect(start()).rejects.toMatchObject({ code: 16 })
    proxy.accept(new Set([credentials.apiKey]))
    await expect(start()).resolves.toMatchObject({ started: true })
  })
})
