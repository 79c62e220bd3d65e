import { describe, expect, it } from 'vitest'
import { parseConfig } from '../../../../agent/config/load.ts'
import { apiKeyProvider } from '../../../../agent/config/providers/api-key.ts'
import { ENTRY_KEYS } from '../../../../agent/identity/api-key/key-entry.ts'
import { parseKeyFile } from '../../../../agent/identity/api-key/key-file.ts'
import { formatKey, newKeyId } from '../../../../agent/identity/api-key/key-format.ts'
import { denyReasons, reasons } from '../../../../agent/identity/reasons.ts'
import { compileRules } from '../../../../agent/rules/compile.ts'
import { codeBlocks, docsPage, docsSection } from '../../../support/docs.ts'
import { shipped, withArguments } from '../../../support/shipped-files.ts'
import { findings } from '../../lint/shipped.ts'

const page = docsPage('identity/api-keys.md')
const blocks = (language: string): string[] => codeBlocks(page, language)
const section = (title: string): string => docsSection(page, title)
const rows = (text: string): string[] =>
  [...text.matchAll(/^\| (`\w+`(?:, `\w+`)*) \|/gm)].flatMap(([, cell = '']) => cell.replaceAll('`', '').split(', '))

describe('docs/identity/api-keys.md', () => {
  it('has two examples that work as they stand', () => {
    expect(blocks('yaml')).toHaveLength(2)
    for (const text of blocks('yaml')) {
      const { config, document } = parseConfig('agent.yaml', text, {})
      expect(compileRules(config, document).rules).toHaveLength(1)
    }
  })

  it('has all lines of spoe.conf that each of them needs', () => {
    for (const [i, text] of blocks('yaml').entries()) {
      const lines = blocks('spoe')[i]?.trim().split('\n') ?? []
      const spoe = lines.reduce(withArguments, shipped('spoe.conf'))
      expect(findings({ agent: () => text, spoe: () => spoe })).toEqual([])
    }
  })

  it('has a file of keys that is one', () => {
    expect(blocks('keys').flatMap((text) => [...parseKeyFile(text)])).toHaveLength(2)
  })

  it('tells about every setting, and every member of an entry', () => {
    expect(rows(section('Settings'))).toEqual(Object.keys(apiKeyProvider.shape))
    expect(rows(section('The file of keys'))).toEqual([...ENTRY_KEYS])
  })

  it('gives secret scanners an expression that finds our keys', () => {
    const [, expression = ''] = /by `(\\bht_.*?\\b)`/.exec(page.replaceAll('\n', ' ')) ?? []
    for (let i = 0; i < 50; i++) {
      const key = formatKey('ht', newKeyId())
      expect(`key = "${key}"`.match(new RegExp(expression))?.[0]).toBe(key)
    }
  })

  it('gives reasons the status that they have', () => {
    const told = [...section('What is refused').matchAll(/\| `(\w+)` \| (\d+) \|/g)]
    expect(told.length).toBeGreaterThan(5)
    for (const [, reason, status] of told) {
      const known = denyReasons.find((name) => name === reason)
      expect([reason, known && reasons[known].status]).toEqual([reason, Number(status)])
    }
  })
})
