import { chmodSync, existsSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import {
  createPayloadKey,
  newKeyId,
  readKeyFile,
  removePayloadKey,
  usePayloadKey,
} from '../../../agent/crypto/edit-key-file.ts'
import { parseKeyRing } from '../../../agent/crypto/key-ring.ts'
import { tempFolder } from '../../support/folder.ts'
import { keysText, testKey } from './support/keys.ts'

const mode = (file: string): number => statSync(file).mode & 0o777
const text = (file: string): string => readFileSync(file, 'utf8')

describe('a file of keys', () => {
  it('is made for its owner alone, with a key that encrypts', () => {
    const file = join(tempFolder(), 'keys.yaml')
    expect(createPayloadKey(file, 'one', false)).toEqual({ current: 'one', ids: ['one'] })
    expect(mode(file)).toBe(0o600)
    expect(text(file)).toMatch(/^# Keys of encrypted payloads/)
    expect(existsSync(`${file}.new`)).toBe(false)
  })

  it('goes through a rotation: a key that reads, then encrypts, then is alone', () => {
    const file = join(tempFolder(), 'keys.yaml')
    createPayloadKey(file, 'one', false)
    const first = parseKeyRing(text(file)).current
    expect(createPayloadKey(file, 'two', false)).toEqual({ current: 'one', ids: ['one', 'two'] })
    expect(usePayloadKey(file, 'two')).toEqual({ current: 'two', ids: ['one', 'two'] })
    expect(parseKeyRing(text(file)).get('one')?.secret.equals(first.secret)).toBe(true)
    expect(removePayloadKey(file, 'one')).toEqual({ current: 'two', ids: ['two'] })
    expect(createPayloadKey(file, 'three', true)).toEqual({ current: 'three', ids: ['two', 'three'] })
  })

  it('keeps comments, mode, and the link that leads to it', () => {
    const folder = tempFolder()
    const [file, link] = [join(folder, 'keys.yaml'), join(folder, 'link.yaml')]
    writeFileSync(file, `# ours\ncurrent: a # since May\nkeys:\n  a: ${testKey('a')}\n`)
    chmodSync(file, 0o640)
    symlinkSync(file, link)
    createPayloadKey(link, 'b', false)
    expect(text(file)).toMatch(/^# ours\ncurrent: a # since May\nkeys:\n {2}a: \S{44}\n {2}b: \S{44}\n$/)
    expect([mode(file), readKeyFile(link)]).toEqual([0o640, { current: 'a', ids: ['a', 'b'] }])
  })

  it('in JSON stays in JSON', () => {
    const file = join(tempFolder(), 'keys.json')
    writeFileSync(file, keysText('7', 'b'))
    createPayloadKey(file, 'c', true)
    expect(JSON.parse(text(file))).toMatchObject({ current: 'c', keys: { 7: testKey('7'), b: testKey('b') } })
  })

  it.each([
    ['a key that is there', (file: string) => createPayloadKey(file, 'a', false), 'there is a key a already'],
    ['an id that is none', (file: string) => createPayloadKey(file, 'a b', false), 'the id of a key is 1 to 32'],
    ['use of an unknown key', (file: string) => usePayloadKey(file, 'x'), 'there is no key of that id'],
    ['removal of an unknown key', (file: string) => removePayloadKey(file, 'x'), 'there is no key of that id'],
    ['removal of the current key', (file: string) => removePayloadKey(file, 'a'), 'key a is the current one'],
  ])('refuses %s, and stays as it is', (_, change, message) => {
    const file = join(tempFolder(), 'keys.yaml')
    writeFileSync(file, keysText('a', 'b'))
    expect(() => change(file)).toThrow(message)
    expect([text(file), existsSync(`${file}.new`)]).toEqual([keysText('a', 'b'), false])
  })

  it('that is wrong is left alone, as is one that somebody else changes', () => {
    const file = join(tempFolder(), 'keys.yaml')
    writeFileSync(file, 'current: a')
    expect(() => createPayloadKey(file, 'b', true)).toThrow('"keys" is missing')
    expect(text(file)).toBe('current: a')
    writeFileSync(`${file}.new`, '')
    expect(() => createPayloadKey(file, 'b', true)).toThrow('another command is at work')
    expect(existsSync(`${file}.new`)).toBe(true)
  })
})

it('names new keys by their day, each by another name', () => {
  const file = join(tempFolder(), 'keys.yaml')
  const now = new Date('2026-11-29T23:00:00Z')
  for (const id of ['k2026-11-29', 'k2026-11-29.2', 'k2026-11-29.3']) {
    expect(newKeyId(file, now)).toBe(id)
    createPayloadKey(file, id, false)
  }
})
