import { describe, expect, it } from 'vitest'
import { parseConfig } from '../../../../agent/config/load.ts'
import { extraArguments } from '../../../../agent/evidence.ts'
import { replayLimits } from '../../../../agent/identity/dpop/replay-store.ts'
import { identityOf } from '../../../../agent/identity/from-config.ts'
import { type DenyReason, reasons } from '../../../../agent/identity/reasons.ts'
import { compileRules } from '../../../../agent/rules/compile.ts'
import { codeBlock, codeBlocks, docsPage, replaced } from '../../../support/docs.ts'
import { shipped, withArguments } from '../../../support/shipped-files.ts'
import { findings } from '../../lint/shipped.ts'
import { silent } from '../certificate/support.ts'

const page = docsPage('identity/dpop.md')
const blocks = (language: string): string[] => codeBlocks(page, language)

describe('docs/identity/dpop.md', () => {
  it.each(blocks('yaml'))('has an example that works as it stands: %#', (text) => {
    const { config, document } = parseConfig('agent.yaml', text, {})
    expect(compileRules(config, document).rules).toHaveLength(1)
    const parts = identityOf(config, silent)
    const headers = extraArguments(parts.authenticator.needs).check
    expect(blocks('haproxy')).toEqual([`    args ${headers.map(({ name, fetch }) => `${name}=${fetch}`).join(' ')}\n`])
    expect(parts.dpopNonce() !== undefined).toBe(text.includes('nonce: true'))
    parts.close()
  })

  it.each(blocks('yaml'))('has all lines for the shipped files with which "check" finds nothing: %#', (text) => {
    const spoe = withArguments(shipped('spoe.conf'), codeBlock(page, 'haproxy'))
    expect(findings({ agent: () => text, spoe: () => spoe })).toEqual([])
    expect(findings({ agent: () => text })).toHaveLength(2)
  })

  it('says where certificates are asked for: required bindings without proofs', () => {
    const [first = ''] = blocks('yaml')
    const without = replaced(first, / +dpop:\n.*\n/, '')
    const missing = findings({ agent: () => without }).map(({ message }) => /"(\w+)", which/.exec(message)?.[1])
    expect(missing).toEqual(['cert', 'cert_used', 'cert_verify'])
  })

  it('has two examples', () => {
    expect(blocks('yaml')).toHaveLength(2)
  })

  it('names reasons that exist with their status, and all that there are for proofs', () => {
    const rows = [...page.matchAll(/^\| `([a-z_]+)` \| (\d+) \|/gm)].map(([, name = '', status]) => [
      name,
      Number(status),
    ])
    for (const [name, status] of rows) expect(reasons[name as DenyReason].status, String(name)).toBe(status)
    const ours = Object.keys(reasons).filter((name) => name.startsWith('dpop_'))
    expect(ours.filter((name) => !rows.some(([documented]) => documented === name))).toEqual([])
  })

  it('tells the limits as they are', () => {
    const written = (count: number): string => String(count).replace(/000$/, ' 000')
    const { maxEntries, maxPerKey } = replayLimits
    expect(page.replaceAll(/\s+/g, ' ')).toContain(
      `remembers ${written(maxEntries)} proofs at once, ${written(maxPerKey)} for one key`,
    )
  })
})
