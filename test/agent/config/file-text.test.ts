import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { MAX_SIZE } from '../../../agent/config/file-text.ts'
import { loadConfig } from '../../../agent/config/load.ts'
import { ConfigError, type Problem, renderProblem } from '../../../agent/config/problem.ts'
import { tempFolder } from '../../support/folder.ts'
import { HEAD, problemsOf } from './bad-files/row.ts'

/** The one problem of a file. */
function problemOf(file: string): Problem | undefined {
  try {
    loadConfig(file, {})
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    expect(error.problems).toHaveLength(1)
    return error.problems[0]
  }
  return undefined
}

function fileOf(content: string | Buffer): string {
  const file = join(tempFolder(), 'agent.yaml')
  writeFileSync(file, content)
  return file
}

describe('a file that cannot be read', () => {
  it('and does not exist', () => {
    const found = problemOf(join(tempFolder(), 'none.yaml'))
    expect(found).toMatchObject({ code: 'CONFIG_UNREADABLE', line: 0, column: 0 })
    expect(found?.message).toMatch(/cannot read .*none\.yaml: there is no such file/)
    expect(found?.hint).toContain('--config names another file')
    // A place would be a lie.
    expect(renderProblem(found as Problem)).toMatch(/none\.yaml: error CONFIG_UNREADABLE/)
  })

  it('and is a folder', () => {
    const file = join(tempFolder(), 'agent.yaml')
    mkdirSync(file)
    expect(problemOf(file)).toMatchObject({
      code: 'CONFIG_UNREADABLE',
      message: expect.stringContaining('it is a folder') as string,
      hint: expect.stringContaining('<folder>/agent.yaml') as string,
    })
  })

  it('and lies below a file', () => {
    expect(problemOf(join(fileOf(''), 'agent.yaml'))).toMatchObject({
      code: 'CONFIG_UNREADABLE',
      message: expect.stringContaining('not a folder') as string,
    })
  })

  it.skipIf(process.getuid?.() === 0)('and belongs to somebody else', () => {
    const file = fileOf(HEAD)
    chmodSync(file, 0)
    expect(problemOf(file)).toMatchObject({
      code: 'CONFIG_UNREADABLE',
      message: expect.stringContaining('not readable for this user') as string,
      hint: expect.stringContaining('chmod') as string,
    })
  })
})

describe('a file that is no text', () => {
  it('has the place of the first byte that is not UTF-8', () => {
    const found = problemOf(
      fileOf(Buffer.concat([Buffer.from('version: 1\nlog: { level: "'), Buffer.from([0xe4, 0x22])])),
    )
    expect(found).toMatchObject({ code: 'CONFIG_SYNTAX', line: 2, column: 16, message: 'a byte that is not UTF-8' })
    expect(found?.hint).toContain('Save the file as UTF-8')
    expect(found?.caret).toBe(`${' '.repeat(15)}^`)
  })

  it('is told to be UTF-16', () => {
    const utf16 = Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from('version: 1\n', 'utf16le')])
    expect(problemOf(fileOf(utf16))).toMatchObject({
      line: 1,
      column: 1,
      message: 'the file is UTF-16',
      hint: 'Save the file as UTF-8.',
    })
  })

  it('is told when it is binary', () => {
    const binary = Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0, 0])
    expect(problemOf(fileOf(binary))).toMatchObject({
      code: 'CONFIG_SYNTAX',
      line: 1,
      column: 1,
      message: 'the control character U+007F',
    })
  })

  it('is not even read when it is too large', () => {
    const found = problemOf(fileOf(Buffer.alloc(MAX_SIZE + 1, 'a')))
    expect(found).toMatchObject({ code: 'CONFIG_SYNTAX', line: 1, column: 1, message: 'the file is larger than 2 MiB' })
    expect(problemsOf('#'.repeat(MAX_SIZE + 1))).toMatchObject([{ message: 'the file is larger than 2 MiB' }])
    expect(problemsOf(`${HEAD}rules: []\n${'#'.repeat(MAX_SIZE - 1000)}\n`)).toEqual([])
  })
})
