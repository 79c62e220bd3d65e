import { Ajv2020 } from 'ajv/dist/2020.js'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { agentSchema } from '../../../../agent/config/json-schema.ts'
import { parseConfig } from '../../../../agent/config/load.ts'
import { servedQueues } from '../../../../agent/cli/worker.ts'
import { ATTEMPT_DEADLINE_MS } from '../../../../agent/dispatch/temporal/connection.ts'
import { POLL_MS } from '../../../../agent/dispatch/temporal/credential-source.ts'
import { endpointFor, temporalOptionsOf } from '../../../../agent/dispatch/temporal/options.ts'
import { RETRY } from '../../../../agent/dispatch/temporal/rotating.ts'
import { compileRules } from '../../../../agent/rules/compile.ts'
import { BACKOFF } from '../../../../workflows/backoff.ts'
import { codeBlocks, docsPage, docsSection } from '../../../support/docs.ts'

const page = docsPage('temporal.md')
const text = page.replaceAll(/\s+/g, ' ')
const blocks = codeBlocks(page, 'yaml')
const examples = blocks.filter((block) => block.startsWith('version: 1'))
const validate = new Ajv2020({ strictRequired: false }).compile<unknown>(agentSchema())

describe('docs/temporal.md', () => {
  it.each(examples)('has an example that works as it stands, in editors too: %#', (example) => {
    const { config, document } = parseConfig('agent.yaml', example, {})
    expect(compileRules(config, document).rules.length).toBeGreaterThan(0)
    expect(validate(parse(example)), JSON.stringify(validate.errors)).toBe(true)
  })

  it('has four examples, and alerts that are YAML', () => {
    expect(examples).toHaveLength(4)
    for (const block of blocks.filter((one) => !examples.includes(one))) {
      expect(parse(block)).toEqual(expect.arrayContaining([expect.objectContaining({ expr: expect.any(String) })]))
    }
  })

  it('names all keys of the section', () => {
    const documented = [...docsSection(page, 'Settings').matchAll(/^\| (.*?) \|/gm)].map(([, names]) => names).join()
    const known = ['address', 'namespace', 'tls', 'apiKey', 'payloadKeys', 'namespaces']
    const files = ['caFile', 'certFile', 'keyFile', 'serverName'].map((name) => `tls.${name}`)
    for (const key of [...known, ...files]) expect(documented).toContain(`\`${key}\``)
    const { config } = parseConfig('agent.yaml', examples[0] ?? '', {})
    expect(Object.keys(config.temporal).filter((key) => !known.includes(key))).toEqual([])
  })

  it('tells rightly where the namespaces of its example go, and what is shown there', () => {
    const { config } = parseConfig('agent.yaml', examples[3] ?? '', {})
    const options = temporalOptionsOf(config.temporal)
    const { tls } = config.temporal
    expect(endpointFor(options, 'audit.a1b2c')).toEqual({
      address: 'audit.a1b2c.tmprl.cloud:7233',
      tls,
      apiKey: undefined,
    })
    expect(endpointFor(options, 'billing.a1b2c')).toEqual({
      address: 'eu-central-1.aws.api.temporal.io:7233',
      tls: true,
      apiKey: { file: '/run/secrets/billing-api-key' },
    })
    expect(servedQueues(config).map(({ namespace }) => namespace)).toEqual(['billing.a1b2c', 'edge.a1b2c'])
  })

  it('tells the times as they are', () => {
    expect(text).toContain(`looks at them every ${POLL_MS / 1000} seconds`)
    expect(text).toContain(`with a deadline of ${ATTEMPT_DEADLINE_MS / 1000} s`)
    expect(text).toContain(`after ${RETRY.base / 1000} to ${RETRY.cap / 1000} s`)
    expect([BACKOFF.first, BACKOFF.longest]).toEqual([250, 15_000])
    expect(text).toContain('after a quarter of a second up to 15 s')
  })
})
