import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { KeyPairFiles } from '../../../../agent/identity/introspection/key-pair.ts'
import { makeCertificates } from '../support/https-server.ts'
import { memoryLog } from '../support/provider.ts'

let folder: string
let pairs: { cert: string; key: string }[]

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pair-'))
  pairs = []
  for (let i = 0; i < 2; i++) {
    await using certificates = await makeCertificates()
    const [cert = '', key = ''] = [
      /-----BEGIN CERT[^]*?-----END CERTIFICATE-----/,
      /-----BEGIN [A-Z ]*PRIVATE[^]*$/,
    ].map((pattern) => pattern.exec(certificates.edge)?.[0])
    pairs.push({ cert, key })
  }
})
afterAll(() => rm(folder, { recursive: true }))

async function write(cert: string | undefined, key: string | undefined): Promise<void> {
  if (cert !== undefined) await writeFile(join(folder, 'cert.pem'), cert)
  if (key !== undefined) await writeFile(join(folder, 'key.pem'), key)
}

it('a renewed certificate is used when its key is there, and the old pair until then', async () => {
  const [first, second] = pairs
  const log = memoryLog()
  const files = new KeyPairFiles(join(folder, 'cert.pem'), join(folder, 'key.pem'), log)
  await files.start()
  expect([files.current, files.lastError]).toEqual([undefined, 'cannot be read (ENOENT)'])

  await write(first?.cert, first?.key)
  await files.refresh()
  expect(files.current?.cert).toBe(first?.cert)
  expect(files.current?.key.reveal()).toBe(first?.key)
  expect(files.lastError).toBeUndefined()

  await write(`${second?.cert}\n`, undefined)
  await files.refresh()
  expect(files.current?.cert).toBe(first?.cert)
  expect(files.lastError).toBe('certFile and keyFile do not match')

  await write(undefined, `${second?.key}\n`)
  await files.refresh()
  expect(files.current?.cert).toBe(`${second?.cert}\n`)
  expect(files.lastError).toBeUndefined()

  await write('no certificate', undefined)
  await files.refresh()
  expect(files.current?.cert).toBe(`${second?.cert}\n`)
  expect(files.lastError).toBe('not a certificate in PEM')
  expect(`${log.lines.join()}${JSON.stringify(files)}`).not.toContain('PRIVATE')
  files.close()
})
