import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { parseConfig } from '../../../../agent/config/load.ts'
import { albProvider } from '../../../../agent/config/providers/alb.ts'
import { awsProvider } from '../../../../agent/config/providers/aws.ts'
import { ROOT } from '../../../../agent/dev/tools.ts'
import { type DenyReason, reasons } from '../../../../agent/identity/reasons.ts'
import { createSchemes } from '../../../../agent/identity/schemes.ts'
import { compileRules } from '../../../../agent/rules/compile.ts'
import { codeBlocks, docsPage } from '../../../support/docs.ts'
import { memoryLog } from '../support/provider.ts'

const page = docsPage('identity/aws.md')
const examples = codeBlocks(page, 'yaml')

it.each(examples.map((text, i) => [i + 1, text]))('example %s works as it stands', (_number, text) => {
  const { config, document } = parseConfig('agent.yaml', text, {})
  expect(compileRules(config, document).rules).toHaveLength(1)
  const context = { now: Date.now, monotonicMs: () => performance.now(), log: memoryLog() }
  const schemes = createSchemes(config.identity.providers, context)
  expect(schemes.map(({ name }) => name)).toEqual(Object.keys(config.identity.providers))
  for (const scheme of schemes) scheme.close?.()
})

it('lists every setting', () => {
  const [aws = '', alb = ''] = page.split('\n## Application Load Balancer')
  for (const key of Object.keys(awsProvider.shape)) expect(aws, key).toContain(`| \`${key}\` |`)
  const named = ['kind', 'preset', 'claims', 'caFile', 'proxy']
  for (const key of Object.keys(albProvider.shape).filter((name) => !named.includes(name))) {
    expect(alb, key).toContain(`| \`${key}\` |`)
  }
})

it('names reasons that exist', () => {
  const tables = [...page.matchAll(/\| Reason \| Likely cause \|\n\|---\|---\|\n((?:\|.*\n)+)/g)]
  const named = tables.flatMap(([, text = '']) =>
    text.split('\n').flatMap((row) => [...(row.split('|')[1] ?? '').matchAll(/`([a-z_]+)`/g)].map(([, name]) => name)),
  )
  expect(named.length).toBeGreaterThan(15)
  for (const name of named) expect(reasons[name as DenyReason], name).toBeDefined()
})

it('has no broken links', () => {
  for (const [, target = ''] of page.matchAll(/\]\((?!https?:|#)([^)#]+)/g)) {
    expect(existsSync(join(ROOT, 'docs/identity', target)), target).toBe(true)
  }
})
