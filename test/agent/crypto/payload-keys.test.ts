import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { ConfigError } from '../../../agent/config/problem.ts'
import { openPayloadKeys } from '../../../agent/crypto/payload-keys.ts'
import { PayloadCipher } from '../../../agent/crypto/payload-cipher.ts'
import { tempFolder } from '../../support/folder.ts'
import { keptLog } from '../secrets/support.ts'
import { replaceKeys, ringOf } from './support/keys.ts'

async function opened(path: string) {
  const keys = await openPayloadKeys({ file: path }, keptLog())
  onTestFinished(() => keys.close())
  return keys
}

it('finds a key that the file has got meanwhile', async () => {
  const path = join(tempFolder(), 'keys.yaml')
  replaceKeys(path, 'a')
  const keys = await opened(path)
  const other = new PayloadCipher({ current: ringOf('b', 'a') })
  const payload = other.encode({ data: Buffer.from('x') })
  await expect(keys.decode(payload)).rejects.toMatchObject({ problem: 'unknown_key', keyId: 'b' })
  replaceKeys(path, 'b', 'a')
  expect((await keys.decode(payload)).data).toEqual(Buffer.from('x'))
  expect(other.decode(keys.encode({ data: Buffer.from('y') })).data).toEqual(Buffer.from('y'))
})

it('does not look again for what no key would help', async () => {
  const path = join(tempFolder(), 'keys.yaml')
  replaceKeys(path, 'a')
  const keys = await opened(path)
  const { metadata = {} } = keys.encode({})
  await expect(keys.decode({ metadata, data: Buffer.alloc(40) })).rejects.toMatchObject({ problem: 'tampered' })
})

it('refuses to start without keys, naming the file and what to do', async () => {
  const file = join(tempFolder(), 'keys.yaml')
  const error: unknown = await openPayloadKeys({ file }, keptLog()).catch((reason: unknown) => reason)
  expect(error).toBeInstanceOf(ConfigError)
  expect((error as ConfigError).problems).toMatchObject([
    {
      file,
      message: 'the keys of payloads: cannot be read (ENOENT)',
      hint: expect.stringContaining('payload-key create'),
    },
  ])
})
