import { describe, expect, it } from 'vitest'
import { parseConfig } from '../../../../agent/config/load.ts'
import { certificateProvider } from '../../../../agent/config/providers/certificate.ts'
import { extraArguments } from '../../../../agent/evidence.ts'
import { identityOf } from '../../../../agent/identity/from-config.ts'
import { type DenyReason, reasons } from '../../../../agent/identity/reasons.ts'
import { SEPARATORS, sources } from '../../../../agent/identity/certificate/subject.ts'
import { compileRules } from '../../../../agent/rules/compile.ts'
import { codeBlocks, docsPage } from '../../../support/docs.ts'
import { silent } from './support.ts'

const page = docsPage('identity/certificates.md')
const blocks = (language: string): string[] => codeBlocks(page, language)
const firstCells = (text: string): string[] =>
  [...text.matchAll(/^\| `([A-Za-z0-9_]+)` \|/gm)].map(([, name = '']) => name)

describe('docs/identity/certificates.md', () => {
  it.each(blocks('yaml'))('has an example that works as it stands: %#', (text) => {
    const { config, document } = parseConfig('agent.yaml', text, {})
    expect(compileRules(config, document).rules).toHaveLength(1)
    const parts = identityOf(config, silent)
    expect(parts.authenticator.needs.certificate).toBe(true)
    const { check } = extraArguments(parts.authenticator.needs)
    expect(blocks('haproxy')).toContain(`    args ${check.map(({ name, fetch }) => `${name}=${fetch}`).join(' ')}\n`)
    parts.close()
  })

  it('has four examples', () => {
    expect(blocks('yaml')).toHaveLength(4)
  })

  it('lists every setting, every source, and what their patterns stop at', () => {
    const settings = Object.keys(certificateProvider.shape)
    const documented = new Set(firstCells(page))
    expect(settings.filter((name) => !documented.has(name))).toEqual([])
    for (const source of sources) {
      const stop = SEPARATORS[source] === '' ? 'nothing' : `\`${SEPARATORS[source]}\``
      expect(page).toMatch(new RegExp(`^\\| \`${source}\` \\|.*\\| ${stop} \\|$`, 'm'))
    }
  })

  it('names reasons that exist, and all that there are for certificates', () => {
    const named = firstCells(page).filter((name) => name.includes('_') && !name.startsWith('ssl'))
    for (const name of named) expect(reasons[name as DenyReason], name).toBeDefined()
    const ours = Object.keys(reasons).filter((name) => /^(?:client_cert|binding)_/.test(name))
    expect(ours.filter((name) => !named.includes(name))).toEqual([])
  })
})
