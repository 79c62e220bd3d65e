import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parseConfig } from '../../../../agent/config/load.ts'
import { ROOT } from '../../../../agent/dev/tools.ts'
import { extraArguments } from '../../../../agent/evidence.ts'
import { replayLimits } from '../../../../agent/identity/dpop/replay-store.ts'
import { identityOf } from '../../../../agent/identity/from-config.ts'
import { type DenyReason, reasons } from '../../../../agent/identity/reasons.ts'
import { compileRules } from '../../../../agent/rules/compile.ts'
import { silent } from '../certificate/support.ts'

const page = readFileSync(join(ROOT, 'docs/identity/dpop.md'), 'utf8')
const blocks = (language: string): string[] =>
  [...page.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\`$`, 'gms'))].map(([, text = '']) => text)

describe('docs/identity/dpop.md', () => {
  it.each(blocks('yaml'))('has an example that works as it stands: %#', (text) => {
    const { config, document } = parseConfig('agent.yaml', text, {})
    expect(compileRules(config, document).rules).toHaveLength(1)
    const parts = identityOf(config, silent)
    const headers = extraArguments({ ...parts.authenticator.needs, certificate: false }).check
    expect(blocks('haproxy')).toEqual([`    args ${headers.map(({ name, fetch }) => `${name}=${fetch}`).join(' ')}\n`])
    expect(parts.dpopNonce() !== undefined).toBe(text.includes('nonce: true'))
    parts.close()
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
