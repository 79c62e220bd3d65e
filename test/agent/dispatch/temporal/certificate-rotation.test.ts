import { expect, test, vi } from 'vitest'
import { certificateAuthority, clientCertificate } from '../../../support/client-certificates.ts'
import { until } from '../support/wait.ts'
import { serverTls, weakCertificate } from './support/credential-folder.ts'
import { clientsOf, mutualTls, open, own } from './support/open.ts'
import { streamOfCalls } from './support/stream.ts'

vi.setConfig({ testTimeout: 60_000 })

const REFUSED = 'new credentials for Temporal do not work: those in use stay'
const TAKEN = 'Temporal takes the new credentials'

test('a client certificate is exchanged under a stream of calls, and each of them is answered', async () => {
  const { service, files, client, endpoint } = await mutualTls()
  const { connections, calls, log, told } = open(endpoint)
  const stream = streamOfCalls(calls)
  for (const name of ['second', 'third', 'fourth']) {
    await until(() => stream.answered.size > 50)
    const next = await client(name)
    // One after the other, so that some looks see half of the pair.
    files.write('cert.pem', next.cert)
    files.write('key.pem', next.key)
    const seen = service.events().length
    await until(
      () =>
        service
          .events()
          .slice(seen)
          .filter((call) => call.client === `CN=${name}`).length > 50,
    )
  }
  await stream.stop()
  expect(stream.failures).toEqual([])
  expect(stream.answered.size).toBe(stream.made.length)
  expect(clientsOf(service.events())).toEqual(['CN=first', 'CN=second', 'CN=third', 'CN=fourth'])
  // Each event once: nothing was sent again behind the back of the caller.
  expect(new Set(service.events().map(({ request }) => request.requestId)).size).toBe(service.events().length)
  expect(own(connections)).toMatchObject({ state: 'connected', rotations: 3, failedRotations: 0 })
  expect(log.at('info')).toEqual([TAKEN, TAKEN, TAKEN])
  expect(told.at(-1)).toEqual(connections.status())
  // The old ones are gone.
  await until(() => service.sessions.size === 1)
})

test('after the exchange no call shows the old certificate', async () => {
  const { service, files, client, endpoint } = await mutualTls()
  const { connections, calls } = open(endpoint)
  await calls.start({ namespace: 'edge', requestId: 'before' })
  files.writePair(await client('second'))
  await until(() => own(connections)?.rotations === 1)
  await Promise.all(Array.from({ length: 20 }, (_, n) => calls.start({ namespace: 'edge', requestId: `after-${n}` })))
  expect(clientsOf(service.events())).toEqual(['CN=first', 'CN=second'])
  expect(service.events().filter((call) => call.client === 'CN=first')).toHaveLength(1)
})

test("the server's authority is exchanged under a stream of calls", async () => {
  const { trust, service, files, endpoint } = await mutualTls()
  const { connections, calls } = open(endpoint)
  const stream = streamOfCalls(calls)
  await until(() => stream.answered.size > 20)
  // First both are trusted, then the server shows a certificate of the new one, then the old one goes.
  const authority = await certificateAuthority('CN=New CA')
  files.write('ca.pem', trust.server.cert + authority.cert)
  await until(() => own(connections)?.rotations === 1)
  service.use(await serverTls(authority, [trust.clients]))
  files.write('ca.pem', authority.cert)
  await until(() => own(connections)?.rotations === 2)
  const seen = stream.answered.size
  await until(() => stream.answered.size > seen + 20)
  await stream.stop()
  expect(stream.failures).toEqual([])
  expect(stream.answered.size).toBe(stream.made.length)
})

test('an authority that did not sign the server changes nothing, until it did', async () => {
  const { trust, service, files, endpoint } = await mutualTls()
  const { connections, calls, log } = open(endpoint)
  const stream = streamOfCalls(calls)
  await until(() => stream.answered.size > 20)
  const authority = await certificateAuthority('CN=New CA')
  files.write('ca.pem', authority.cert)
  await until(() => (own(connections)?.failedRotations ?? 0) > 3)
  expect(own(connections)).toMatchObject({ rotations: 0, state: 'connected', lastError: expect.any(String) })
  // Told once, however often it is tried.
  expect(log.at('error')).toEqual([REFUSED])
  expect(log.lines.find(({ message }) => message === REFUSED)?.fields).toMatchObject({
    connection: '(default)',
    address: service.address,
    files: [files.path('ca.pem')],
    reason: expect.stringContaining('gRPC status 14'),
  })
  service.use(await serverTls(authority, [trust.clients]))
  await until(() => own(connections)?.rotations === 1)
  expect(own(connections)).not.toHaveProperty('lastError')
  await stream.stop()
  expect(stream.failures).toEqual([])
})

test('a certificate that the server does not take changes nothing, and the next file is tried at once', async () => {
  const { service, files, client, endpoint } = await mutualTls()
  const { connections, calls, log } = open(endpoint, { retry: { base: 2 ** 30, cap: 2 ** 30 } })
  const stream = streamOfCalls(calls)
  await until(() => stream.answered.size > 20)
  files.writePair(await clientCertificate({ name: 'CN=stranger' }))
  await until(() => own(connections)?.failedRotations === 1)
  files.writePair(await client('second'))
  await until(() => own(connections)?.rotations === 1)
  await until(() => service.events().at(-1)?.client === 'CN=second')
  await stream.stop()
  expect(stream.failures).toEqual([])
  expect(log.at('error')).toEqual([REFUSED])
  expect(clientsOf(service.events())).toEqual(['CN=first', 'CN=second'])
})

test('a broken pair changes nothing, also where connections are cut', async () => {
  const { service, files, client, endpoint } = await mutualTls()
  const { connections, calls } = open(endpoint)
  await calls.start({ namespace: 'edge', requestId: 'a' })
  files.writePair({ cert: (await client('second')).cert, key: (await client('third')).key })
  await until(() => own(connections)?.failedRotations === 1)
  expect(own(connections)?.lastError).toContain('does not belong to the certificate')
  service.cut()
  await until(() => service.sessions.size === 0)
  await calls.start({ namespace: 'edge', requestId: 'b' }).catch(() => undefined)
  await calls.start({ namespace: 'edge', requestId: 'c' })
  expect(clientsOf(service.events())).toEqual(['CN=first'])
})

test('an expired certificate changes nothing', async () => {
  const { service, files, client, endpoint } = await mutualTls()
  const { connections, calls } = open(endpoint)
  await calls.start({ namespace: 'edge', requestId: 'a' })
  const notAfter = new Date(Date.now() - 60_000)
  files.writePair(await client('late', { notAfter }))
  await until(() => own(connections)?.failedRotations === 1)
  expect(own(connections)?.lastError).toContain(`${files.path('cert.pem')}: expired on `)
  await calls.start({ namespace: 'edge', requestId: 'b' })
  expect(clientsOf(service.calls)).toEqual(['CN=first'])
})

test('where all that there is has expired, the reason says so', async () => {
  const { service, files, client, endpoint } = await mutualTls()
  files.writePair(await client('over', { notAfter: new Date(Date.now() - 60_000) }))
  const { connections, calls } = open(endpoint)
  await expect(calls.start({ namespace: 'edge', requestId: 'a' })).rejects.toMatchObject({ code: 14 })
  files.writePair(await client('over too', { notAfter: new Date(Date.now() - 30_000) }))
  await until(() => own(connections)?.lastError?.startsWith('the certificate expired on ') === true)
  files.writePair(await client('second'))
  await until(() => own(connections)?.rotations === 1)
  await calls.start({ namespace: 'edge', requestId: 'b' })
  expect(clientsOf(service.events())).toEqual(['CN=second'])
})

test('the status tells when the certificate in use ends', async () => {
  const { files, client, endpoint } = await mutualTls()
  const { connections, calls } = open(endpoint)
  await calls.start({ namespace: 'edge', requestId: 'a' })
  const notAfter = new Date('2041-02-03T04:05:06Z')
  files.writePair(await client('second', { notAfter }))
  await until(() => own(connections)?.rotations === 1)
  expect(own(connections)).toEqual({
    name: '(default)',
    address: endpoint.address,
    namespaces: ['edge'],
    state: 'connected',
    certificateExpiresAt: notAfter.getTime(),
    rotations: 1,
    failedRotations: 0,
  })
  // What goes to another thread has to be plain.
  expect(structuredClone(connections.status())).toEqual(connections.status())
})

test('a certificate that OpenSSL does not take is no certificate', async () => {
  const { service, files, client, endpoint } = await mutualTls()
  const weak = await weakCertificate()
  files.writePair(weak)
  const { connections, calls, log } = open(endpoint)
  await expect(calls.start({ namespace: 'edge', requestId: 'a' })).rejects.toMatchObject({
    code: 16,
    details: expect.stringContaining('key too small'),
  })
  expect(log.at('error')).toEqual(['the credentials for Temporal do not work'])
  files.writePair(await client('second'))
  await until(() => own(connections)?.lastError === undefined)
  await calls.start({ namespace: 'edge', requestId: 'b' })
  files.writePair(weak)
  await until(() => (own(connections)?.failedRotations ?? 0) > 1 && own(connections)?.lastError !== undefined)
  await calls.start({ namespace: 'edge', requestId: 'c' })
  expect(clientsOf(service.events())).toEqual(['CN=second'])
})
