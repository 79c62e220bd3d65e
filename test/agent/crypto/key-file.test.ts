import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { KeyFile } from '../../../agent/crypto/key-file.ts'
import { tempFolder } from '../../support/folder.ts'
import { keptLog } from '../secrets/support.ts'
import { keysText, replaceKeys, testKey } from './support/keys.ts'

function keyFile(path: string) {
  const log = keptLog()
  const file = new KeyFile(path, log)
  onTestFinished(() => file.close())
  return { file, log }
}

describe('a file of keys', () => {
  it('has keys once it could be read, and others when it changes', async () => {
    const path = join(tempFolder(), 'keys.yaml')
    const { file } = keyFile(path)
    await file.start()
    expect([file.current, file.lastError]).toEqual([undefined, 'cannot be read (ENOENT)'])
    replaceKeys(path, 'a')
    await file.refresh()
    expect(file.current?.current.id).toBe('a')
    replaceKeys(path, 'b', 'a')
    await file.refresh()
    expect([file.current?.current.id, file.current?.ids]).toEqual(['b', ['b', 'a']])
  })

  it('keeps its keys while the file cannot be used, and says why without quoting it', async () => {
    const path = join(tempFolder(), 'keys.yaml')
    replaceKeys(path, 'a')
    const { file, log } = keyFile(path)
    await file.start()
    writeFileSync(path, `${keysText('a', 'b')}}`)
    await file.refresh()
    expect(file.current?.ids).toEqual(['a'])
    expect(file.lastError).toBe('neither YAML nor JSON')
    expect(log.lines.join('\n')).toContain('"neither YAML nor JSON"')
    expect(log.lines.join('\n')).not.toContain(testKey('b').slice(0, 8))
  })

  it('warns of a file that others can read, each time it is read', async () => {
    const path = join(tempFolder(), 'keys.yaml')
    replaceKeys(path, 'a')
    const { file, log } = keyFile(path)
    await file.start()
    expect(log.lines).toEqual([])
    replaceKeys(path, 'b', 'a')
    chmodSync(path, 0o640)
    await file.refresh()
    expect(log.lines).toEqual([
      `warn the key file can be read by others than its owner: chmod 600 ${JSON.stringify({ file: path, mode: '0640' })}`,
    ])
    expect(file.current?.current.id).toBe('b')
  })
})
