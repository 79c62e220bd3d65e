import { expect, test, vi } from 'vitest'
import { until } from '../support/wait.ts'
import { credentialFolder } from './support/credential-folder.ts'
import { open, own } from './support/open.ts'
import { streamOfCalls } from './support/stream.ts'
import { type SeenCall, tlsService } from './support/tls-service.ts'

vi.setConfig({ testTimeout: 60_000 })

test('an API key is exchanged under a stream of calls: none is lost, and none shows the old one afterwards', async () => {
  const valid = new Set(['Bearer key-1', 'Bearer key-2'])
  const service = await tlsService(undefined, ({ authorization }) =>
    valid.has(String(authorization)) ? 'ok' : { code: 16, details: 'invalid key' },
  )
  const files = credentialFolder()
  files.write('key', 'key-1\n')
  const { connections, calls, log } = open({
    address: service.address,
    tls: false,
    apiKey: { file: files.path('key') },
  })
  const stream = streamOfCalls(calls)
  await until(() => stream.answered.size > 50)
  files.write('key', 'key-2\n')
  await until(() => own(connections)?.rotations === 1)
  const swapped = service.events().length
  // Those under way have the old one still.
  await until(() => service.events().at(-1)?.authorization === 'Bearer key-2')
  const since = await lastWith(service.calls, 'Bearer key-1', () => until(() => service.events().length > swapped + 50))
  expect(since).toBe(true)
  // Whoever exchanges a key takes the old one back.
  valid.delete('Bearer key-1')
  const before = stream.answered.size
  await until(() => stream.answered.size > before + 50)
  await stream.stop()
  expect(stream.failures).toEqual([])
  expect(stream.answered.size).toBe(stream.made.length)
  expect(JSON.stringify([log.lines, connections.status()])).not.toMatch(/key-[12]/)
})

/** Whether no call with that authorization comes while something else happens. */
async function lastWith(calls: readonly SeenCall[], authorization: string, meanwhile: () => Promise<void>) {
  const from = calls.length
  await meanwhile()
  return !calls.slice(from).some((call) => call.authorization === authorization)
}

test('an API key that is refused changes nothing', async () => {
  const service = await tlsService(undefined, ({ authorization }) =>
    authorization === 'Bearer good' ? 'ok' : { code: 16, details: 'invalid key' },
  )
  const files = credentialFolder()
  files.write('key', 'good')
  const { connections, calls } = open({ address: service.address, tls: false, apiKey: { file: files.path('key') } })
  const stream = streamOfCalls(calls)
  await until(() => stream.answered.size > 10)
  files.write('key', 'bad')
  await until(() => (own(connections)?.failedRotations ?? 0) > 2)
  expect(own(connections)).toMatchObject({ lastError: 'gRPC status 16: invalid key', state: 'connected' })
  await stream.stop()
  expect(stream.failures).toEqual([])
  expect(service.events().some(({ authorization }) => authorization === 'Bearer bad')).toBe(false)
})

test('a refusal has the files looked at, before their time', async () => {
  let valid = 'Bearer key-1'
  const service = await tlsService(undefined, ({ authorization }) =>
    authorization === valid ? 'ok' : { code: 16, details: 'invalid key' },
  )
  const files = credentialFolder()
  files.write('key', 'key-1')
  const apiKey = { file: files.path('key') }
  const { connections, calls } = open({ address: service.address, tls: false, apiKey }, { pollMs: 2 ** 30 })
  await calls.start({ namespace: 'edge', requestId: 'a' })
  files.write('key', 'key-2')
  valid = 'Bearer key-2'
  await expect(calls.start({ namespace: 'edge', requestId: 'b' })).rejects.toMatchObject({ code: 16 })
  await until(() => own(connections)?.rotations === 1)
  await calls.start({ namespace: 'edge', requestId: 'b' })
})

test('where the probe is refused on both connections alike, the new one is as good as the old one', async () => {
  const service = await tlsService(undefined, ({ method }) =>
    method === 'DescribeNamespace' ? { code: 7, details: 'not your business' } : 'ok',
  )
  const files = credentialFolder()
  files.write('key', 'key-1')
  const { connections, calls, told } = open({
    address: service.address,
    tls: false,
    apiKey: { file: files.path('key') },
  })
  await calls.start({ namespace: 'edge', requestId: 'a' })
  files.write('key', 'key-2')
  await until(() => own(connections)?.rotations === 1)
  await calls.start({ namespace: 'edge', requestId: 'b' })
  expect(service.events().map(({ authorization }) => authorization)).toEqual(['Bearer key-1', 'Bearer key-2'])
  // The refusals of the probe are nobody's trouble.
  expect(told.flat().map(({ state }) => state)).not.toContain('unavailable')
})

test('where events fail on the old connection, a new one that is answered at all is better', async () => {
  const service = await tlsService(undefined, ({ method, authorization }) => {
    if (authorization !== 'Bearer key-2') return { code: 16, details: 'invalid key' }
    return method === 'DescribeNamespace' ? { code: 5, details: 'no such namespace' } : 'ok'
  })
  const files = credentialFolder()
  files.write('key', 'key-1')
  const { connections, calls } = open({ address: service.address, tls: false, apiKey: { file: files.path('key') } })
  await expect(calls.start({ namespace: 'shop', requestId: 'a' })).rejects.toMatchObject({ code: 16 })
  files.write('key', 'key-2')
  await until(() => own(connections)?.rotations === 1)
  await calls.start({ namespace: 'shop', requestId: 'a' })
})

test('a refusal that only the new connection gets is an objection', async () => {
  const service = await tlsService(undefined, ({ authorization }) =>
    authorization === 'Bearer key-1' ? 'ok' : { code: 7, details: 'not this key' },
  )
  const files = credentialFolder()
  files.write('key', 'key-1')
  const { connections, calls } = open({ address: service.address, tls: false, apiKey: { file: files.path('key') } })
  await calls.start({ namespace: 'edge', requestId: 'a' })
  files.write('key', 'key-2')
  await until(() => (own(connections)?.failedRotations ?? 0) > 1)
  expect(own(connections)).toMatchObject({ rotations: 0, lastError: 'gRPC status 7: not this key' })
  await calls.start({ namespace: 'edge', requestId: 'b' })
})
