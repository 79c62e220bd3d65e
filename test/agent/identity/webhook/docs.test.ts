import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parseConfig } from '../../../../agent/config/load.ts'
import { webhookProvider } from '../../../../agent/config/providers/webhook.ts'
import { ROOT } from '../../../../agent/dev/tools.ts'
import { denyReasons, reasons } from '../../../../agent/identity/reasons.ts'
import { compileRules } from '../../../../agent/rules/compile.ts'

const page = readFileSync(join(ROOT, 'docs/identity/webhooks.md'), 'utf8')
const examples = [...page.matchAll(/^```yaml\n(.*?)^```$/gms)].map(([, text = '']) => text)
const section = (title: string): string => page.split(/^## /m).find((text) => text.startsWith(`${title}\n`)) ?? ''

describe('docs/identity/webhooks.md', () => {
  it('has two examples', () => {
    expect(examples).toHaveLength(2)
  })

  it.each(examples)('has an example that works as it stands: %#', (text) => {
    const env = { STRIPE_SECRET: 'whsec_0123456789abcdef', PARTNER_SECRET: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw' }
    const { config, document } = parseConfig('agent.yaml', text, env)
    expect(compileRules(config, document).rules.length).toBeGreaterThan(0)
  })

  it('tells about every setting', () => {
    const rows = [...section('Schemes').matchAll(/^\| (`\w+`(?:, `\w+`)*) \|/gm)].flatMap(([, cell = '']) =>
      cell.replaceAll('`', '').split(', '),
    )
    expect(rows).toEqual(expect.arrayContaining(Object.keys(webhookProvider.shape)))
  })

  it('gives reasons the status that they have', () => {
    const rows = [...section('What is refused').matchAll(/\| `(\w+)` \| (\d+) \|/g)]
    expect(rows.length).toBeGreaterThan(5)
    for (const [, reason, status] of rows) {
      const known = denyReasons.find((name) => name === reason)
      expect([reason, known && reasons[known].status]).toEqual([reason, Number(status)])
    }
  })
})
