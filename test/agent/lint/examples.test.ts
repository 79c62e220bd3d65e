import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parseConfig } from '../../../agent/config/load.ts'
import { ConfigError } from '../../../agent/config/problem.ts'
import { ROOT } from '../../../agent/dev/tools.ts'
import { codeBlock, codeBlocks, docsPage, replaced } from '../../support/docs.ts'
import { RECIPES, recipeFiles } from '../../support/recipes.ts'
import { withArguments } from '../../support/shipped-files.ts'
import { type Edits, findings } from './shipped.ts'

const VERSIONS = ['2.6', '3.0', '3.2', 'any']
const page = (name: string): string => docsPage(`identity/${name}.md`)
const ENV = { STRIPE_SECRET: 'whsec_0123456789abcdef', PARTNER_SECRET: 'whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3' }

const found = (edits: Edits, version: string): unknown[] =>
  findings({ ...edits, env: { ...ENV, ...edits.env }, version }).map(({ code, message }) => [code, message])

/** Examples of the documentation as their pages put them together with the shipped files. */
const EXAMPLES: [name: string, edits: Edits][] = [
  [
    'client certificates',
    {
      agent: () => codeBlock(page('certificates'), 'yaml'),
      spoe: (text) => withArguments(text, codeBlocks(page('certificates'), 'haproxy')[1] ?? ''),
      haproxy: (text) => replaced(text, /^global\n/m, `global\n${codeBlock(page('certificates'), 'haproxy-global')}`),
    },
  ],
  [
    'API keys',
    {
      agent: () => codeBlock(page('api-keys'), 'yaml'),
      spoe: (text) => withArguments(text, codeBlock(page('api-keys'), 'spoe')),
      haproxy: (text) => replaced(text, /^ *http-request del-header .*\n/m, codeBlock(page('api-keys'), 'haproxy')),
    },
  ],
  [
    'webhooks',
    {
      agent: () => codeBlock(page('webhooks'), 'yaml'),
      spoe: (text) => {
        const block = (language: string): string => codeBlock(page('webhooks'), language)
        const evented = replaced(text, / *event on-frontend-http-request\n/, block('spoe-event'))
        const grouped = replaced(evented, / *groups again\n/, block('spoe-groups'))
        return replaced(grouped, '# The response to', `${block('spoe-message')}# The response to`)
      },
      haproxy: (text) => {
        const block = (language: string): string => codeBlock(page('webhooks'), language)
        const large = replaced(text, /^global\n/m, `global\n${block('haproxy-global')}`)
        return replaced(large, /^ *# What the agent refuses\..*\n/m, block('haproxy'))
      },
    },
  ],
  [
    'limits for callers',
    {
      agent: (text) => replaced(text, 'identity:\n', 'identity:\n  rateLimitKey: { file: rate-limit.key }\n'),
      haproxy: (text) => {
        const [section, rules] = ['haproxy-section', 'haproxy'].map((language) => codeBlock(page('README'), language))
        return replaced(text, /^ *# What may pass without an answer/m, `${rules}    # What may`) + `\n${section}`
      },
    },
  ],
]

describe.each(VERSIONS)('for HAProxy %s nothing is found in the example of the documentation', (version) => {
  it.each(EXAMPLES)('%s', (_name, edits) => {
    expect(found(edits, version)).toEqual([])
  })
})

describe.each(VERSIONS)('for HAProxy %s nothing is found in the recipe', (version) => {
  it.each(RECIPES)('%s', (name) => {
    const files = recipeFiles(name)
    const of = (file: string) => (): string => files[file] ?? ''
    // What the reader has to set, as long as secrets must be.
    const unset = Array.from(of('agent.yaml')().matchAll(/\$\{(\w+)\}/g), ([, variable = '']) => variable)
    const env = Object.fromEntries(unset.map((variable) => [variable, '0123456789abcdef0123456789abcdef']))
    const edits = { agent: of('agent.yaml'), haproxy: of('haproxy.cfg'), spoe: of('spoe.conf') }
    const all = found({ ...edits, env: { ...env, OIDC_ISSUER: 'https://id.example.com' } }, version)
    // What a recipe sets aside, and says so by its name, is left over on purpose.
    expect(all.filter((one) => !/"[\w-]+-unused"/.test(String(one)))).toEqual([])
  })
})

/** Those that need nothing of the reader's own, such as a secret in the environment. */
function isComplete(text: string): boolean {
  try {
    parseConfig('agent.yaml', text, { OIDC_ISSUER: 'https://id.example.com', ...ENV })
    return true
  } catch (error) {
    if (error instanceof ConfigError) return false
    throw error
  }
}

describe('every agent.yaml of the documentation, beside the shipped files', () => {
  const identity = readdirSync(join(ROOT, 'docs/identity')).map((name) => `identity/${name}`)
  const configs = ['configuration.md', 'actor.md', 'audit.md', ...identity].flatMap((name) =>
    codeBlocks(docsPage(name), 'yaml')
      .filter((text) => text.startsWith('version: 1') && isComplete(text))
      .map((text, i): [string, string] => [`${name}, ${i + 1}`, text]),
  )
  /** What the page says in words: arguments to send, a longer deadline, a backend of its own. */
  const TOLD =
    /^(?:SPOE_ARGUMENT_MISSING|SPOE_DEADLINE|SPOE_VARIABLE_UNREGISTERED|HAPROXY_BACKEND_MISSING|SPOE_MESSAGE_MISSING)$/

  it.each(configs)('%s', (_name, text) => {
    const others = findings({ agent: () => text, env: ENV }).filter(({ code }) => !TOLD.test(code))
    expect(others.map(({ code, message }) => [code, message])).toEqual([])
  })

  it('are many', () => {
    expect(configs.length).toBeGreaterThan(20)
  })
})
