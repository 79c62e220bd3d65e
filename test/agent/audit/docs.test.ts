import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { type Field, FIELDS, fieldNames } from '../../../agent/audit/fields.ts'
import { recordBuilder, toEcs } from '../../../agent/audit/record.ts'
import { parseConfig } from '../../../agent/config/load.ts'
import { ROOT } from '../../../agent/dev/tools.ts'
import { decision, identity, settings } from './support/decision.ts'

const page = readFileSync(join(ROOT, 'docs/audit.md'), 'utf8')
const lines = page.split('\n')
const blocks = (language: string): string[] =>
  [...page.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, 'gms'))].map(([, text = '']) => text)

describe('docs/audit.md', () => {
  it.each(fieldNames)('tells of the field %s what its table says', (name) => {
    const { about, optional, redactable }: Field = FIELDS[name]
    const written = optional === true ? 'asked for' : 'always'
    expect(lines).toContain(`| \`${name}\` | ${written} | ${redactable === true ? 'yes' : 'no'} | ${about} |`)
  })

  it('has configurations that the agent takes', () => {
    const found = blocks('yaml').map((text) => parseConfig('agent.yaml', text, {}).config.audit)
    expect(found).toMatchObject([{ to: { file: '/var/log/haproxy-temporal/audit.jsonl' } }, { format: 'ocsf' }])
  })

  it('shows a record that the agent could have written', () => {
    const [text = ''] = blocks('json')
    const record = recordBuilder(settings(), { pseudonymise: false, key: undefined })(
      decision({ decision: { ...decision().decision, identity: identity({ confirmation: undefined }) } }),
    )
    const shape = (value: unknown): unknown =>
      typeof value === 'object' && value !== null && !Array.isArray(value)
        ? Object.fromEntries(Object.entries(value).map(([key, member]) => [key, shape(member)]))
        : typeof value
    expect(shape(JSON.parse(text))).toEqual(shape(toEcs(record)))
  })

  it('names every setting', () => {
    for (const key of Object.keys(settings({ pseudonyms: { secret: 'x'.repeat(16) } }))) {
      expect(
        lines.some((line) => line.startsWith(`| \`${key}\` |`)),
        key,
      ).toBe(true)
    }
  })
})
