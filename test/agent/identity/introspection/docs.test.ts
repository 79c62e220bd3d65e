import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parseConfig } from '../../../../agent/config/load.ts'
import { introspectionProvider } from '../../../../agent/config/providers/introspection.ts'
import { ROOT } from '../../../../agent/dev/tools.ts'
import { type DenyReason, reasons } from '../../../../agent/identity/reasons.ts'
import { createSchemes } from '../../../../agent/identity/schemes.ts'
import { compileRules } from '../../../../agent/rules/compile.ts'
import { memoryLog } from '../support/provider.ts'

const page = readFileSync(join(ROOT, 'docs/identity/introspection.md'), 'utf8')
const examples = [...page.matchAll(/^```yaml\n(.*?)^```$/gms)].map(([, text = '']) => text)

describe('docs/identity/introspection.md', () => {
  it.each(examples)('has an example that works as it stands: %#', (text) => {
    const { config, document } = parseConfig('agent.yaml', text, {})
    expect(compileRules(config, document).rules.length).toBeGreaterThan(0)
    const schemes = createSchemes(config.identity.providers, { now: Date.now, monotonicMs: Date.now, log: memoryLog() })
    expect(schemes.map(({ name }) => name)).toEqual(Object.keys(config.identity.providers))
    for (const scheme of schemes) scheme.close?.()
  })

  it('names every setting, and none that does not exist', () => {
    const shape = introspectionProvider.shape
    const cache = Object.keys(shape.cache.unwrap().shape).map((key) => `cache.${key}`)
    const known = [...Object.keys(shape).filter((key) => key !== 'kind' && key !== 'cache'), ...cache]
    const settings = page.split(/^## /m).find((text) => text.startsWith('Settings\n')) ?? ''
    const rows = [...settings.matchAll(/^\| ((?:`[A-Za-z.]+`(?:, )?)+) \|/gm)].flatMap(([, names = '']) =>
      names.replaceAll('`', '').split(', '),
    )
    expect(rows.toSorted()).toEqual(known.toSorted())
  })

  it('names reasons as they are', () => {
    const named = [...page.matchAll(/(4\d\d|503) `([a-z_]+)`/g)]
    expect(named.length).toBeGreaterThan(5)
    for (const [, status, name = ''] of named) expect(String(reasons[name as DenyReason]?.status), name).toBe(status)
  })
})
