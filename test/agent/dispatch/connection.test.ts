import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { connect, type TemporalCalls } from '../../../agent/dispatch/connection.ts'
import type { TemporalOptions } from '../../../agent/dispatch/protocol.ts'
import { selfSigned } from './support/certificate.ts'
import { stubService } from './support/stub-service.ts'
import { tempFolder } from '../../support/folder.ts'
import { reservePort } from '../../../agent/dev/ports.ts'

vi.setConfig({ testTimeout: 60_000 })

function open(options: Partial<TemporalOptions>, deadlineMs?: number): TemporalCalls {
  const calls = connect({ address: '', namespace: 'edge', ...options }, deadlineMs)
  onTestFinished(() => calls.close())
  return calls
}

test('a call without answer fails at its deadline, after one attempt', async () => {
  const stub = await stubService(() => 'hang')
  await expect(open({ address: stub.address }, 100).start({ namespace: 'edge', requestId: 'a' })).rejects.toMatchObject(
    { code: 4 },
  )
  expect(stub.calls).toHaveLength(1)
})

test('nobody is retried behind the back of the caller', async () => {
  const stub = await stubService(() => ({ code: 14 }))
  await expect(open({ address: stub.address }).start({ namespace: 'edge', requestId: 'a' })).rejects.toMatchObject({
    code: 14,
  })
  expect(stub.calls).toHaveLength(1)
})

test('a connection that found nobody works as soon as somebody is there', async () => {
  const port = await reservePort()
  const calls = open({ address: `127.0.0.1:${port}` })
  await expect(calls.start({ namespace: 'edge', requestId: 'a' })).rejects.toMatchObject({ code: 14 })
  const stub = await stubService(() => ({ started: true }), port)
  while (stub.calls.length === 0) await calls.start({ namespace: 'edge', requestId: 'b' }).catch(() => undefined)
  expect(stub.calls[0]).toMatchObject({ requestId: 'b', namespace: 'edge' })
})

test('certificates are read from their files, shown and verified, and the API key is sent', async () => {
  const { cert, key } = await selfSigned()
  const folder = tempFolder()
  const [certFile, keyFile] = [join(folder, 'cert.pem'), join(folder, 'key.pem')]
  writeFileSync(certFile, cert)
  writeFileSync(keyFile, key)
  const stub = await stubService(() => ({ started: true }), 0, { ca: cert, cert, key })
  const tls = { caFile: certFile, certFile, keyFile, serverName: 'localhost' }
  await open({ address: stub.address, tls, apiKey: 'secret' }).signalWithStart({ namespace: 'edge', requestId: 'a' })
  expect(stub.calls).toMatchObject([{ requestId: 'a', authorization: 'Bearer secret' }])

  const stranger = open({ address: stub.address, tls: { caFile: certFile, serverName: 'localhost' } })
  await expect(stranger.start({ namespace: 'edge', requestId: 'b' })).rejects.toMatchObject({ code: 14 })
  expect(stub.calls).toHaveLength(1)
})
