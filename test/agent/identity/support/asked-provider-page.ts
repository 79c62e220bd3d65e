import { expect, it } from 'vitest'
import type { z } from 'zod'
import { parseConfig } from '../../../../agent/config/load.ts'
import { type DenyReason, reasons } from '../../../../agent/identity/reasons.ts'
import { createSchemes } from '../../../../agent/identity/schemes.ts'
import { compileRules } from '../../../../agent/rules/compile.ts'
import { codeBlocks, docsSection } from '../../../support/docs.ts'
import { memoryLog } from './provider.ts'

/** Settings of a provider that asks somebody and remembers the answers. */
type AskedSettings = z.ZodObject<{ cache: z.ZodPrefault<z.ZodObject> }>

/** Tests that hold the page of such a provider to what the agent takes and says. */
export function testAskedProviderPage(page: string, { shape }: AskedSettings): void {
  it.each(codeBlocks(page, 'yaml'))('has an example that works as it stands: %#', (text) => {
    const { config, document } = parseConfig('agent.yaml', text, {})
    expect(compileRules(config, document).rules.length).toBeGreaterThan(0)
    const schemes = createSchemes(config.identity.providers, { now: Date.now, monotonicMs: Date.now, log: memoryLog() })
    expect(schemes.map(({ name }) => name)).toEqual(Object.keys(config.identity.providers))
    for (const scheme of schemes) scheme.close?.()
  })

  it('names every setting, and none that does not exist', () => {
    const cache = Object.keys(shape.cache.unwrap().shape).map((key) => `cache.${key}`)
    const known = [...Object.keys(shape).filter((key) => key !== 'kind' && key !== 'cache'), ...cache]
    const settings = docsSection(page, 'Settings')
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
}
