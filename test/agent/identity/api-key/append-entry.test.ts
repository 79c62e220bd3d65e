import { existsSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { appendEntry } from '../../../../agent/identity/api-key/append-entry.ts'
import { parseKeyFile } from '../../../../agent/identity/api-key/key-file.ts'
import { tempFolder } from '../../../support/folder.ts'

const entry = (id: string) => ({
  id,
  hash: `sha256:${Buffer.from(id).toString('hex').padEnd(64, '0')}`,
  owner: `of ${id}`,
})
const idsOf = (file: string): string[] => [...parseKeyFile(readFileSync(file, 'utf8'))].map((placed) => placed.entry.id)

describe('adding an entry to a file of keys', () => {
  it('makes the file, for its owner alone', async () => {
    const file = join(tempFolder(), 'keys.yaml')
    await appendEntry(file, entry('a'))
    expect(idsOf(file)).toEqual(['a'])
    expect(statSync(file).mode & 0o777).toBe(0o600)
  })

  it('keeps comments, entries and permissions', async () => {
    const file = join(tempFolder(), 'keys.yaml')
    const text = `# ours\n- id: x # the first\n  hash: sha256:${'0'.repeat(64)}\n  owner: someone\n`
    writeFileSync(file, text, { mode: 0o640 })
    await appendEntry(file, entry('a'))
    expect(readFileSync(file, 'utf8').startsWith(text)).toBe(true)
    expect(idsOf(file)).toEqual(['x', 'a'])
    expect(statSync(file).mode & 0o777).toBe(0o640)
  })

  it.each([
    ['an empty list', '[]\n', ['a', 'b']],
    ['an empty file', '', ['a', 'b']],
    ['JSON lines', `{"id":"x","hash":"sha256:${'1'.repeat(64)}","owner":"o"}`, ['x', 'a', 'b']],
  ])('continues %s', async (_what, text, ids) => {
    const file = join(tempFolder(), 'keys')
    writeFileSync(file, text)
    await appendEntry(file, entry('a'))
    await appendEntry(file, entry('b'))
    expect(idsOf(file)).toEqual(ids)
  })

  it('writes through a symbolic link', async () => {
    const folder = tempFolder()
    writeFileSync(join(folder, 'real'), '[]')
    symlinkSync('real', join(folder, 'link'))
    await appendEntry(join(folder, 'link'), entry('a'))
    expect(idsOf(join(folder, 'real'))).toEqual(['a'])
  })

  it('loses nothing when several add at once: who comes too early is told', async () => {
    const folder = tempFolder()
    const file = join(folder, 'keys.yaml')
    const results = await Promise.allSettled(['a', 'b', 'c', 'd'].map((id) => appendEntry(file, entry(id))))
    const added = results.filter(({ status }) => status === 'fulfilled').length
    expect(added).toBeGreaterThan(0)
    expect(idsOf(file)).toHaveLength(added)
    for (const result of results) {
      if (result.status === 'rejected') expect(String(result.reason)).toContain('somebody is writing')
    }
    expect(readdirSync(folder)).toEqual(['keys.yaml'])
  })

  it('changes nothing when the id is taken, or the file is wrong already', async () => {
    const folder = tempFolder()
    const file = join(folder, 'keys.yaml')
    await appendEntry(file, entry('a'))
    await expect(appendEntry(file, { ...entry('b'), id: 'a' })).rejects.toThrow('the same "id"')
    expect(idsOf(file)).toEqual(['a'])
    writeFileSync(file, 'nonsense')
    await expect(appendEntry(file, entry('b'))).rejects.toThrow('line 1: expected a list of keys')
    expect(readFileSync(file, 'utf8')).toBe('nonsense')
    expect(existsSync(`${file}.new`)).toBe(false)
  })
})
