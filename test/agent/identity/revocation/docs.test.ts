import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parseConfig } from '../../../../agent/config/load.ts'
import { ConfigError } from '../../../../agent/config/problem.ts'
import { revocation } from '../../../../agent/config/revocation.ts'
import { ROOT } from '../../../../agent/dev/tools.ts'
import { parseList } from '../../../../agent/identity/revocation/list.ts'
import { verdictInput } from '../../../../agent/verdicts/verdict.ts'

const page = readFileSync(join(ROOT, 'docs/identity/revocation.md'), 'utf8')
const blocks = (language: string): string[] =>
  [...page.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, 'gms'))].map(([, text = '']) => text)
const yaml = blocks('yaml')

describe('docs/identity/revocation.md', () => {
  it('has configurations that the agent takes', () => {
    const found = yaml
      .filter((text) => text.startsWith('version:'))
      .map((text) => parseConfig('agent.yaml', text, {}).config)
      .map(({ identity, admin }) => ({ revocation: identity.revocation, admin }))
    expect(found).toMatchObject([
      { revocation: { file: 'revoked.jsonl' } },
      { admin: { token: { file: '/run/secrets/admin-token' } } },
      { revocation: { poll: { every: 30_000, maxAge: 600_000 } } },
    ])
  })

  it('is what the hint about a wrong admin.token says', () => {
    const call = yaml.find((text) => text.includes('admin-token')) ?? ''
    const [written = ''] = /token: \{ file: .* \}/.exec(call) ?? []
    let thrown: unknown
    try {
      parseConfig('agent.yaml', call.replace(written, 'token: 5'), {})
    } catch (error) {
      thrown = error
    }
    expect(thrown).toBeInstanceOf(ConfigError)
    const hints = (thrown as ConfigError).problems.map(({ hint }) => hint)
    expect(hints).toEqual([expect.stringContaining(written)])
    expect(hints).toEqual([expect.stringContaining('POST /revocations')])
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

  it('has a verdict that is one', () => {
    const verdicts = blocks('json').map((text) => JSON.parse(text) as object)
    const [verdict] = verdicts.filter((object) => 'scope' in object)
    expect(verdictInput.parse(verdict)).toMatchObject({
      revoke: true,
      issuedBefore: Date.parse('2026-11-24T10:00:00Z'),
    })
  })

  it('names every setting', () => {
    const poll = revocation.shape.poll.unwrap().shape
    for (const key of Object.keys(revocation.shape)) if (key !== 'poll') expect(page).toContain(`| \`${key}\` |`)
    for (const key of Object.keys(poll)) expect(page).toContain(`| \`poll.${key}\` |`)
  })
})
