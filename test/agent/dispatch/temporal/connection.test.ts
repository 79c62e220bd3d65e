import { expect, onTestFinished, test, vi } from 'vitest'
import { reservePort } from '../../../../agent/dev/ports.ts'
import { METHODS } from '../../../../agent/dispatch/temporal/calls.ts'
import { Connection } from '../../../../agent/dispatch/temporal/connection.ts'
import type { Credentials } from '../../../../agent/dispatch/temporal/credentials.ts'
import { Secret } from '../../../../agent/secrets/secret.ts'
import { clientCertificate } from '../../../support/client-certificates.ts'
import { stubService } from '../support/stub-service.ts'
import { until } from '../support/wait.ts'
import { authorities } from './support/credential-folder.ts'
import { tlsService } from './support/tls-service.ts'

vi.setConfig({ testTimeout: 60_000 })

const PLAIN: Credentials = { tls: false, apiKey: undefined, expiresAt: undefined, files: new Map() }

function open(address: string, { deadlineMs = 30_000, credentials = PLAIN } = {}): Connection {
  const connection = new Connection({ address, deadlineMs, credentials })
  onTestFinished(() => connection.close())
  return connection
}

test('a call without answer fails at its deadline, after one attempt', async () => {
  const stub = await stubService(({ requestId }) => (requestId === 'a' ? 'hang' : { started: true }))
  const call = open(stub.address, { deadlineMs: 100 }).unary(METHODS.start, { namespace: 'edge', requestId: 'a' })
  await expect(call).rejects.toMatchObject({ code: 4 })
  // Whoever tried again would do so after this: one call more, and all that was sent before it is there.
  await open(stub.address)
    .unary(METHODS.signalWithStart, { namespace: 'edge', requestId: 'b' })
    .catch(() => undefined)
  expect(stub.calls.filter(({ requestId }) => requestId === 'a').length).toBeLessThanOrEqual(1)
})

test('nobody is retried behind the back of the caller', async () => {
  const stub = await stubService(() => ({ code: 14 }))
  const call = open(stub.address).unary(METHODS.start, { namespace: 'edge', requestId: 'a' })
  await expect(call).rejects.toMatchObject({ code: 14 })
  expect(stub.calls).toHaveLength(1)
})

test('a connection that found nobody works as soon as somebody is there', async () => {
  const port = await reservePort()
  const connection = open(`127.0.0.1:${port}`)
  const start = (requestId: string) => connection.unary(METHODS.start, { namespace: 'edge', requestId })
  await expect(start('a')).rejects.toMatchObject({ code: 14 })
  const stub = await stubService(() => ({ started: true }), port)
  while (stub.calls.length === 0) await start('b').catch(() => undefined)
  expect(stub.calls[0]).toMatchObject({ requestId: 'b', namespace: 'edge' })
})

test('what Temporal answers comes back decoded', async () => {
  const stub = await stubService(() => ({ started: true }))
  const answer = await open(stub.address).unary(METHODS.start, { namespace: 'edge', requestId: 'a' })
  expect(answer).toMatchObject({ runId: 'run', started: true })
})

test('a certificate is shown and verified, and the API key is sent', async () => {
  const { server, clients, tls } = await authorities()
  const service = await tlsService(tls)
  const { cert, key } = await clientCertificate({ issuer: clients, name: 'CN=agent' })
  const shown = { ca: server.cert, pair: { cert, key: new Secret(key) }, serverName: 'localhost' }
  const credentials: Credentials = { ...PLAIN, tls: shown, apiKey: new Secret('key-1') }
  await open(service.address, { credentials }).unary(METHODS.signal, { namespace: 'edge', requestId: 'a' })
  expect(service.calls).toMatchObject([
    { method: 'SignalWorkflowExecution', namespace: 'edge', authorization: 'Bearer key-1', client: 'CN=agent' },
  ])

  const stranger = open(service.address, { credentials: { ...PLAIN, tls: { ...shown, pair: undefined } } })
  await expect(stranger.unary(METHODS.start, { namespace: 'edge' })).rejects.toMatchObject({ code: 14 })
  const impostor = open(service.address, { credentials: { ...PLAIN, tls: { ...shown, serverName: 'example.com' } } })
  await expect(impostor.unary(METHODS.start, { namespace: 'edge' })).rejects.toMatchObject({ code: 14 })
  expect(service.calls).toHaveLength(1)
})

test('a request that cannot be encoded has no status: it can never be sent', async () => {
  const stub = await stubService(() => ({ started: true }))
  const broken = {
    get requestId(): string {
      throw new TypeError('no such id')
    },
  }
  const call = open(stub.address).unary(METHODS.start, broken)
  await expect(call).rejects.toThrow(new TypeError('no such id'))
  expect(stub.calls).toHaveLength(0)
})

test('a close gives up the calls in flight, and takes no others', async () => {
  const service = await tlsService(undefined, () => 'hang')
  const connection = open(service.address)
  const calls = ['a', 'b'].map((requestId) => connection.unary(METHODS.start, { namespace: 'edge', requestId }))
  const outcomes = Promise.allSettled(calls)
  await until(() => service.calls.length === 2)
  expect(connection.inFlight).toBe(2)
  await connection.close()
  expect(await outcomes).toMatchObject([
    { status: 'rejected', reason: { code: 1 } },
    { status: 'rejected', reason: { code: 1 } },
  ])
  await expect(connection.unary(METHODS.start, { namespace: 'edge' })).rejects.toMatchObject({ code: 1 })
  await until(() => service.sessions.size === 0)
})

test('a drain waits for the calls in flight', async () => {
  const held = { a: Promise.withResolvers<'ok'>(), b: Promise.withResolvers<'ok'>() }
  const service = await tlsService(undefined, ({ request }) => held[request.requestId as 'a' | 'b'].promise)
  const connection = open(service.address)
  const [a, b] = ['a', 'b'].map((requestId) => connection.unary(METHODS.start, { namespace: 'edge', requestId }))
  await until(() => service.calls.length === 2)
  const draining = connection.drain()
  held.a.resolve('ok')
  await a
  expect(connection.inFlight).toBe(1)
  held.b.resolve('ok')
  await b
  await draining
  await until(() => service.sessions.size === 0)
})
