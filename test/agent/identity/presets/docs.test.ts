import { describe, expect, it } from 'vitest'
import { parseConfig } from '../../../../agent/config/load.ts'
import { ConfigError, type Problem } from '../../../../agent/config/problem.ts'
import { common } from '../../../../agent/config/providers/jwt-common.ts'
import { jwtProvider } from '../../../../agent/config/providers/jwt.ts'
import { assertProviders } from '../../../../agent/identity/config.ts'
import { providerConfigs } from '../../../../agent/identity/provider-configs.ts'
import { type DenyReason, reasons } from '../../../../agent/identity/reasons.ts'
import { compileRules } from '../../../../agent/rules/compile.ts'
import { codeBlocks, docsPage } from '../../../support/docs.ts'
import { filesOfPage } from '../../../support/page-files.ts'
import { findings } from '../../lint/shipped.ts'

const page = docsPage('identity/presets.md')
const sections = new Map(page.split(/^## /m).map((text) => [text.slice(0, text.indexOf('\n')), text]))
const examples = codeBlocks(page, 'yaml')

const presets = jwtProvider.options.map((option) => ({
  name: [...(option.shape.preset._zod.values ?? [])].find((value) => value !== undefined) as string,
  keys: Object.keys(option.shape),
}))

function problemsIn(text: string): readonly Problem[] {
  try {
    parseConfig('agent.yaml', text, {})
    return []
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
}

describe('docs/identity/presets.md', () => {
  it.each(examples.map((text) => [/^ {4}(\S+):$/m.exec(text)?.[1] ?? text, text]))(
    'has an example that works as it stands: %s',
    (_name, text) => {
      const { config, document } = parseConfig('agent.yaml', text, {})
      expect(compileRules(config, document).rules.length).toBeGreaterThan(0)
      const providers = providerConfigs(config)
      expect(providers.length).toBeGreaterThan(0)
      expect(() => assertProviders(providers)).not.toThrow()
    },
  )

  it.each(presets)('explains preset $name: an example, how to try it, and every key of its own', ({ name, keys }) => {
    const section = sections.get(name) ?? ''
    expect(section).toContain('```yaml')
    expect(section).toContain('curl -i')
    if (name !== 'oidc') expect(section).toContain(`preset: ${name}\n`)
    for (const key of keys.filter((own) => !(own in common))) {
      expect(`${section}${sections.get('Settings')}`).toMatch(new RegExp(`\`${key}\`|${key}: `))
    }
  })

  it.each(presets)('has lines for the shipped files with which "check" finds nothing, for $name', ({ name }) => {
    const { config, haproxy, spoe } = filesOfPage(sections.get(name) ?? '', 'identity')
    expect(findings({ agent: () => config, haproxy: () => haproxy, spoe: () => spoe })).toEqual([])
  })

  it('lists every preset, and the one that is a kind of its own, as the error of the loader does', () => {
    const [, table = ''] = /\| Preset \| Tokens of \|\n\|---\|---\|\n((?:\|.*\n)+)/.exec(page) ?? []
    const listed = table.split('\n').flatMap((row) => [...(row.split('|')[1] ?? '').matchAll(/`([a-z0-9-]+)`/g)])
    const names = listed.map(([, name = '']) => name)
    expect(names.toSorted()).toEqual([...presets.map(({ name }) => name), 'alb'].toSorted())
    const text = codeBlocks(sections.get('okta') ?? '', 'yaml')[0]?.replace('preset: okta', 'preset: oktta') ?? ''
    const problem = problemsIn(text).map(({ message }) => message)
    expect(problem).toEqual([expect.stringContaining('expected one of the presets')])
    for (const name of names) expect(problem[0]).toContain(name)
  })

  it('lists every setting of every preset', () => {
    for (const key of Object.keys(common).filter((name) => name !== 'kind')) {
      expect(sections.get('Settings'), key).toContain(`\n| \`${key}\` |`)
    }
  })

  it('names reasons that exist', () => {
    const rows = [...page.matchAll(/\| Reason \| Likely cause \|\n\|---\|---\|\n((?:\|.*\n)+)/g)]
    const named = rows.flatMap(([, text = '']) =>
      text
        .split('\n')
        .flatMap((row) => [...(row.split('|')[1] ?? '').matchAll(/`([a-z_]+)`/g)].map(([, name]) => name)),
    )
    expect(named.length).toBeGreaterThan(15)
    for (const name of named) expect(reasons[name as DenyReason], name).toBeDefined()
  })

  it('has anchors for its own links', () => {
    for (const [, anchor = ''] of page.matchAll(/\]\(#([a-z0-9-]+)\)/g)) expect([...sections.keys()]).toContain(anchor)
  })
})
