import { describe, expect, it } from 'vitest'
import { provider } from '../../../agent/config/providers/provider.ts'
import { codeBlocks, docsPage, replaced } from '../../support/docs.ts'
import { withArguments } from '../../support/shipped-files.ts'
import { findings } from '../lint/shipped.ts'

const page = docsPage('identity/README.md')
const WORDS = ['six', 'seven', 'eight', 'nine', 'ten']

/** Whatever `kind:` can be. */
function kinds(): string[] {
  return provider.out.options.flatMap((option) => [...(option._zod.propValues?.['kind'] ?? [])].map(String))
}

describe('docs/identity/README.md', () => {
  it('lists every kind of credentials, and counts them', () => {
    const rows = [...page.matchAll(/^\| `(\w+)`.*\|.*\|.*\| \[/gm)].map(([, kind = '']) => kind)
    expect(rows.toSorted()).toEqual(kinds().toSorted())
    const [, word = ''] = /There are (\w+) kinds of credentials/.exec(page) ?? []
    expect(WORDS.indexOf(word) + 6).toBe(rows.length)
  })
})

describe('examples of docs/identity/aws.md', () => {
  const aws = docsPage('identity/aws.md')
  const [changed = ''] = codeBlocks(aws, 'haproxy')
  const arguments_ = codeBlocks(aws, '').filter((text) => text.startsWith('args '))

  it('"check" finds nothing with the lines of the page in the place of those that are shipped', () => {
    const haproxy = (text: string): string =>
      changed
        .trim()
        .split('\n')
        .reduce((all, line) => {
          const [, name = ''] = line.trim().split(/ +/)
          return replaced(all, new RegExp(`^ *presetenv ${name} .*$`, 'm'), `    ${line.trim()}`)
        }, text)
    const spoe = (text: string): string => arguments_.reduce(withArguments, text)
    const examples = codeBlocks(aws, 'yaml')
    expect(examples.length).toBeGreaterThan(2)
    for (const example of examples) expect(findings({ agent: () => example, haproxy, spoe })).toEqual([])
  })

  it('is right that a line below the shipped one has no effect', () => {
    const below = (text: string): string => replaced(text, /^defaults\n/m, `${changed}\ndefaults\n`)
    const [example = ''] = codeBlocks(aws, 'yaml')
    expect(findings({ agent: () => example, haproxy: below }).map(({ code }) => code)).toEqual(['SPOE_DEADLINE'])
  })
})
