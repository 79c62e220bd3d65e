import {
  chmodSync,
  linkSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { replaceFile } from '../../../agent/lint/replace-file.ts'

let folder: string
let file: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'replace-'))
  file = join(folder, 'spoe.conf')
  writeFileSync(file, 'old')
})
afterEach(() => rmSync(folder, { recursive: true }))

describe('a file is replaced', () => {
  it.each([0o600, 0o644, 0o640, 0o755])('with its mode %o kept, and nothing left beside it', (mode) => {
    chmodSync(file, mode)
    replaceFile(file, 'new')
    expect([readFileSync(file, 'utf8'), statSync(file).mode & 0o777]).toEqual(['new', mode])
    expect(readdirSync(folder)).toEqual(['spoe.conf'])
  })

  it('as a whole: who has it open goes on reading the old one', () => {
    const before = join(folder, 'before')
    linkSync(file, before)
    replaceFile(file, 'new')
    expect([readFileSync(before, 'utf8'), readFileSync(file, 'utf8')]).toEqual(['old', 'new'])
  })

  it('behind a symbolic link, which stays one', () => {
    const link = join(folder, 'link')
    symlinkSync('spoe.conf', link)
    replaceFile(link, 'new')
    expect([lstatSync(link).isSymbolicLink(), readFileSync(file, 'utf8')]).toEqual([true, 'new'])
  })

  it('or the error says which', () => {
    expect(() => replaceFile(join(folder, 'none'), 'new')).toThrow(`cannot write ${join(folder, 'none')}: ENOENT`)
    expect(readdirSync(folder)).toEqual(['spoe.conf'])
  })
})
