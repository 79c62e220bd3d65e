import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import proto from '@temporalio/proto'
import { describe, expect, it } from 'vitest'
import { codecServerCommand } from '../../../agent/cli/codec-server.ts'
import { payloadKeyCommand } from '../../../agent/cli/payload-key.ts'
import { loadConfig } from '../../../agent/config/load.ts'
import { createPayloadKey } from '../../../agent/crypto/edit-key-file.ts'
import { parseKeyRing } from '../../../agent/crypto/key-ring.ts'
import { type Payload, PayloadCipher } from '../../../agent/crypto/payload-cipher.ts'
import { codeBlocks, docsPage, docsSection } from '../../support/docs.ts'
import { tempFolder } from '../../support/folder.ts'
import { ringOf } from './support/keys.ts'

const { Payload: PayloadType } = proto.temporal.api.common.v1
const page = docsPage('encryption.md')
const lines = page.split('\n')
const [config = '', keys = ''] = codeBlocks(page, 'yaml')

describe('docs/encryption.md', () => {
  it('has a configuration that loads, with the file that its command makes', () => {
    const folder = tempFolder()
    mkdirSync(join(folder, 'secrets'))
    createPayloadKey(join(folder, 'secrets/payload-keys.yaml'), 'k1', false)
    writeFileSync(join(folder, 'agent.yaml'), config)
    const { temporal, outbox } = loadConfig(join(folder, 'agent.yaml'), {}).config
    const file = join(folder, 'secrets/payload-keys.yaml')
    expect(temporal).toMatchObject({ payloadKeys: { file } })
    expect(outbox).toMatchObject({ encryptionKey: { file } })
  })

  it('shows a file of keys as it is', () => {
    const ring = parseKeyRing(keys)
    expect([ring.current.id, ring.ids]).toEqual(['k2026-11-29', ['k2026-11-29', 'k2026-08-30']])
  })

  it('names every command and every option', () => {
    const commands = docsSection(page, 'The file of keys')
    for (const command of payloadKeyCommand().commands) expect(commands).toContain(`| \`payload-key ${command.name()}`)
    for (const { flags } of codecServerCommand().options) {
      if (!flags.startsWith('--config'))
        expect(
          lines.some((line) => line.startsWith(`| \`${flags}\` |`)),
          flags,
        ).toBe(true)
    }
  })

  it('calculates how long a key lasts', () => {
    const rows = [...page.matchAll(/^\| ([\d,]+) \| (\d+) \|$/gm)]
    expect(rows.length).toBeGreaterThan(2)
    for (const [, rate = '', days] of rows) {
      expect(Number(days)).toBe(Math.round(2 ** 32 / Number(rate.replace(',', '')) / 86_400))
    }
    // At most one in four billion.
    expect(2 ** 64 / 2 ** 97).toBeLessThan(1 / 4e9)
  })

  it('says how much longer a payload gets', () => {
    const payload = { metadata: { encoding: Buffer.from('json/plain') }, data: Buffer.alloc(500) }
    const size = (one: Payload): number => PayloadType.encode(one).finish().length
    const grown = size(new PayloadCipher({ current: ringOf('k2026-11-29') }).encode(payload)) - size(payload)
    expect(page).toContain(`about ${Math.round(grown / 20) * 20} bytes longer`)
  })
})
