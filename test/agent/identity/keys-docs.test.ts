import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parseConfig } from '../../../agent/config/load.ts'
import { jwtProvider } from '../../../agent/config/providers/jwt.ts'
import { ROOT } from '../../../agent/dev/tools.ts'
import { KeyManager } from '../../../agent/identity/keys.ts'
import { providerConfigs } from '../../../agent/identity/provider-configs.ts'
import { keyLimits, MAX_STALE_CEILING_MS } from '../../../agent/identity/refresh-times.ts'
import { type DenyReason, reasons } from '../../../agent/identity/reasons.ts'
import { compileRules } from '../../../agent/rules/compile.ts'
import { codeBlocks, docsPage, docsSection } from '../../support/docs.ts'
import { memoryLog } from './support/provider.ts'

const page = docsPage('identity/keys.md')
const metrics = readFileSync(join(ROOT, 'agent/admin/identity-metrics.ts'), 'utf8')
const section = (title: string): string => docsSection(page, title)
const examples = codeBlocks(page, 'yaml')
const rows = (text: string): string[] => [...text.matchAll(/^\| `(.*?)` \|/gm)].map(([, name = '']) => name)

describe('docs/identity/keys.md', () => {
  it.each(examples)('has an example that works as it stands: %#', (text) => {
    const { config, document } = parseConfig('agent.yaml', text, {})
    expect(compileRules(config, document).rules).toHaveLength(1)
    const providers = providerConfigs(config)
    expect(providers).toHaveLength(1)
    for (const provider of providers) new KeyManager(provider, { log: memoryLog() }).close()
  })

  it('has three examples', () => {
    expect(examples).toHaveLength(3)
  })

  it('names settings that exist, and all that have to do with keys', () => {
    const known = Object.keys(jwtProvider.options[0].shape)
    const documented = rows(section('Settings'))
    expect(documented.filter((name) => !known.includes(name))).toEqual([])
    const ofKeys = known.filter((name) => /^(jwks|keys|ca|proxy|maxStale)/.test(name))
    expect(ofKeys.filter((name) => !documented.includes(name))).toEqual([])
  })

  it('tells the limits as they are', () => {
    const text = page.replaceAll(/\s+/g, ' ')
    const { timeoutMs, maxBodyBytes, maxKeys, unknownKidCooldownMs, maxStaleMs } = keyLimits
    expect(text).toContain(`${timeoutMs / 1000} s for an answer, ${maxBodyBytes / 1024} KiB, ${maxKeys} keys`)
    expect(text).toContain(`one such fetch in ${unknownKidCooldownMs / 1000} s`)
    expect(text).toContain(`| \`maxStale\` | \`${maxStaleMs / 3_600_000}h\` |`)
    expect(text).toContain(`\`${MAX_STALE_CEILING_MS / 3_600_000}h\` at most`)
  })

  it('names metrics and reasons that exist', () => {
    for (const [, name] of page.matchAll(/haproxy_temporal_([a-z_]+)/g)) expect(metrics).toContain(`'${name}'`)
    for (const [, name = ''] of page.matchAll(/(?:401|503) `([a-z_]+)`/g)) {
      expect(reasons[name as DenyReason], name).toBeDefined()
    }
  })
})
