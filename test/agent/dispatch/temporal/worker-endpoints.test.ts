import { expect, onTestFinished, test } from 'vitest'
import { parseConfig } from '../../../../agent/config/load.ts'
import { CredentialSource } from '../../../../agent/dispatch/temporal/credential-source.ts'
import { workerCredentials } from '../../../../agent/dispatch/temporal/worker-credentials.ts'
import { WorkerEndpoints } from '../../../../agent/dispatch/temporal/worker-endpoints.ts'
import { certificateAuthority, clientCertificate } from '../../../support/client-certificates.ts'
import { credentialFolder } from './support/credential-folder.ts'
import { recordedLog } from './support/recorded-log.ts'

function endpointsOf(temporal: string) {
  const text = `version: 1\nspop: { listen: "tcp://127.0.0.1:9000" }\ntemporal: ${temporal}\nrules: []\n`
  const log = recordedLog()
  const endpoints = new WorkerEndpoints(parseConfig('agent.yaml', text, {}).config.temporal, log)
  onTestFinished(() => endpoints.close())
  return { endpoints, log }
}

test('each namespace has the endpoint that the dispatcher has for it', async () => {
  const { endpoints } = endpointsOf(
    '{ address: "main:1", namespaces: { shop: { address: "shop:2", apiKey: shop-key } } }',
  )
  const shop = await endpoints.of('shop')
  expect(shop.address).toBe('shop:2')
  expect(shop.credentials()).toEqual({ tls: {}, apiKey: 'shop-key' })
  for (const namespace of ['default', 'other']) {
    const main = await endpoints.of(namespace)
    expect(main.address).toBe('main:1')
    expect(main.credentials()).toEqual({ tls: false })
  }
})

test('files that are not there are told once for all queues, and are no error', async () => {
  const { endpoints, log } = endpointsOf('{ address: "main:1", apiKey: { file: /nowhere/key } }')
  expect((await endpoints.of('default')).credentials()).toBeUndefined()
  expect((await endpoints.of('other')).credentials()).toBeUndefined()
  expect(log.at('error')).toHaveLength(1)
})

test("the SDK's connection gets what the files hold, the same object until they change", async () => {
  const files = credentialFolder()
  const authority = await certificateAuthority()
  const [first, second] = await Promise.all([clientCertificate(), clientCertificate()])
  files.write('ca.pem', authority.cert)
  files.writePair(first)
  const source = new CredentialSource({ endpoint: { tls: files.tls }, log: recordedLog(), pollMs: 2 ** 30 })
  onTestFinished(() => source.close())
  const shown = workerCredentials(source)
  expect(shown()).toBeUndefined()
  await source.start()
  const before = shown()
  expect(before).toEqual({
    tls: {
      serverRootCACertificate: Buffer.from(authority.cert),
      clientCertPair: { crt: Buffer.from(first.cert), key: Buffer.from(first.key) },
      serverNameOverride: 'localhost',
    },
  })
  await source.refresh()
  expect(shown()).toBe(before)
  files.writePair(second)
  await source.refresh()
  expect(shown()).toMatchObject({ tls: { clientCertPair: { crt: Buffer.from(second.cert) } } })
})
