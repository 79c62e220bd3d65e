import { expect, test, vi } from 'vitest'
import { until } from '../support/wait.ts'
import { credentialFolder } from './support/credential-folder.ts'
import { clientsOf, mutualTls, open, own } from './support/open.ts'
import { tlsService } from './support/tls-service.ts'

vi.setConfig({ testTimeout: 60_000 })

test('calls wait for their files only as long as they are being read', async () => {
  const { service, files, client, endpoint } = await mutualTls()
  files.remove('key.pem')
  const { connections, calls, log } = open(endpoint)
  await expect(calls.start({ namespace: 'edge', requestId: 'a' })).rejects.toMatchObject({
    code: 16,
    details: `${files.path('key.pem')}: cannot be read (ENOENT)`,
  })
  expect(log.at('error')).toHaveLength(1)
  files.writePair(await client('second'))
  await until(() => own(connections)?.lastError === undefined)
  await calls.start({ namespace: 'edge', requestId: 'b' })
  expect(clientsOf(service.events())).toEqual(['CN=second'])
})

test('a namespace with an endpoint of its own is reached there, and with what is its own', async () => {
  const { service, files, client, endpoint } = await mutualTls()
  const other = await tlsService(undefined)
  const { connections, calls } = open({
    ...endpoint,
    namespaces: { shop: { address: other.address, tls: false, apiKey: { value: 'shop-key' } } },
  })
  await calls.start({ namespace: 'edge', requestId: 'a' })
  await connections.of('shop').signalWithStart({ namespace: 'shop', requestId: 'b' })
  await connections.of('third').signal({ namespace: 'third', requestId: 'c' })
  expect(connections.of('third')).toBe(calls)
  expect(service.events().map(({ namespace, authorization }) => [namespace, authorization])).toEqual([
    ['edge', undefined],
    ['third', undefined],
  ])
  expect(other.events()).toMatchObject([{ namespace: 'shop', authorization: 'Bearer shop-key', client: undefined }])
  expect(connections.status().map(({ name, namespaces }) => [name, namespaces])).toEqual([
    ['(default)', ['edge', 'third']],
    ['shop', ['shop']],
  ])
  // What is exchanged for one is nothing to the other.
  files.writePair(await client('second'))
  await until(() => own(connections)?.rotations === 1)
  expect(connections.status()[1]).toMatchObject({ rotations: 0 })
})

test('each action is a call of its own', async () => {
  const service = await tlsService(undefined)
  const { calls } = open({ address: service.address })
  const request = { namespace: 'edge' }
  await calls.start(request)
  await calls.signalWithStart(request)
  await calls.signal(request)
  await calls.cancel(request)
  await calls.terminate(request)
  expect(service.calls.map(({ method }) => method)).toEqual([
    'StartWorkflowExecution',
    'SignalWithStartWorkflowExecution',
    'SignalWorkflowExecution',
    'RequestCancelWorkflowExecution',
    'TerminateWorkflowExecution',
  ])
})

test('the status follows what calls come to', async () => {
  let answer: 'ok' | { code: number; details: string } = 'ok'
  const service = await tlsService(undefined, () => answer)
  const { connections, calls } = open({ address: service.address })
  const call = () => calls.start({ namespace: 'edge' }).catch(() => undefined)
  expect(own(connections)?.state).toBe('unknown')
  await call()
  expect(own(connections)?.state).toBe('connected')
  answer = { code: 7, details: 'not you' }
  await call()
  expect(own(connections)).toMatchObject({ state: 'unavailable', lastError: 'gRPC status 7: not you' })
  answer = { code: 3, details: 'bad request' }
  await call()
  expect(own(connections)?.state).toBe('connected')
  expect(own(connections)).not.toHaveProperty('lastError')
  answer = { code: 14, details: 'away' }
  await call()
  expect(own(connections)?.state).toBe('unavailable')
})

test('a close with calls in flight gives them up, on connections that drain as well', async () => {
  const { service, files, client, endpoint } = await mutualTls(({ method }) =>
    method === 'DescribeNamespace' ? 'ok' : 'hang',
  )
  const { connections, calls } = open(endpoint)
  const before = calls.start({ namespace: 'edge', requestId: 'a' })
  const outcomes = Promise.allSettled([before])
  await until(() => service.events().length === 1)
  files.writePair(await client('second'))
  await until(() => own(connections)?.rotations === 1)
  const after = Promise.allSettled([calls.start({ namespace: 'edge', requestId: 'b' })])
  await until(() => service.events().length === 2)
  expect(clientsOf(service.events())).toEqual(['CN=first', 'CN=second'])
  await connections.close()
  for (const outcome of [await outcomes, await after]) {
    expect(outcome).toMatchObject([{ status: 'rejected', reason: { code: 1 } }])
  }
  await expect(calls.start({ namespace: 'edge' })).rejects.toMatchObject({ code: 1 })
  await until(() => service.sessions.size === 0)
})

test('a close while new credentials are tried ends the trial', async () => {
  const service = await tlsService(undefined, ({ method }) => (method === 'DescribeNamespace' ? 'hang' : 'ok'))
  const files = credentialFolder()
  files.write('key', 'key-1')
  const { connections, calls, log } = open({
    address: service.address,
    tls: false,
    apiKey: { file: files.path('key') },
  })
  await calls.start({ namespace: 'edge', requestId: 'a' })
  files.write('key', 'key-2')
  await until(() => service.calls.some(({ method }) => method === 'DescribeNamespace'))
  await connections.close()
  await until(() => service.sessions.size === 0)
  expect(log.lines).toEqual([])
})

test('a close before the files were read for the first time leaves nothing behind', async () => {
  const { endpoint } = await mutualTls()
  const { connections, calls } = open(endpoint)
  const call = calls.start({ namespace: 'edge', requestId: 'a' })
  await connections.close()
  await expect(call).rejects.toMatchObject({ code: 1 })
})
