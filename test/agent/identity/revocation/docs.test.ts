import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parseConfig } from '../../../../agent/config/load.ts'
import { revocation } from '../../../../agent/config/revocation.ts'
import { ROOT } from '../../../../agent/dev/tools.ts'
import { parseList } from '../../../../agent/identity/revocation/list.ts'

const page = readFileSync(join(ROOT, 'docs/identity/revocation.md'), 'utf8')
const blocks = (language: string): string[] =>
  [...page.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, 'gms'))].map(([, text = '']) => text)
const yaml = blocks('yaml')

describe('docs/identity/revocation.md', () => {
  it('has configurations that the agent takes', () => {
    const found = yaml
      .filter((text) => text.startsWith('version:'))
      .map((text) => parseConfig('agent.yaml', text, {}).config.identity.revocation)
    expect(found).toMatchObject([{ file: 'revoked.jsonl' }, { poll: { every: 30_000, maxAge: 600_000 } }])
  })

  it('shows the defaults that there are', () => {
    const full = yaml.find((text) => text.includes('poll:')) ?? ''
    const { poll, ...rest } = parseConfig('agent.yaml', full, {}).config.identity.revocation ?? {}
    const defaults = revocation.parse({ poll: { url: poll?.url } })
    expect({ ...rest, poll }).toEqual({
      ...defaults,
      file: 'revoked.jsonl',
      poll: { ...defaults.poll, token: poll?.token, caFile: poll?.caFile },
    })
  })

  it('has lists that the agent takes', () => {
    const lists = [...blocks('jsonl'), ...yaml.filter((text) => !text.startsWith('version:'))]
    expect(lists.map((text) => [...parseList(text)].length)).toEqual([5, 1])
  })

  it('names every setting', () => {
    const poll = revocation.shape.poll.unwrap().shape
    for (const key of Object.keys(revocation.shape)) if (key !== 'poll') expect(page).toContain(`| \`${key}\` |`)
    for (const key of Object.keys(poll)) expect(page).toContain(`| \`poll.${key}\` |`)
  })
})
