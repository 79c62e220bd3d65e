import { Ajv2020 } from 'ajv/dist/2020.js'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { agentSchema } from '../../../agent/config/json-schema.ts'
import { parseConfig } from '../../../agent/config/load.ts'
import { ACTIONS, USES } from '../../../agent/config/workflow-keys.ts'
import { compileRules } from '../../../agent/rules/compile.ts'
import { codeBlocks, docsPage } from '../../support/docs.ts'
import { HEAD, problemsOf, rule } from '../config/bad-files/row.ts'

const page = docsPage('dispatch.md')
const examples = codeBlocks(page, 'yaml').map((text, i) => ({ i, text: `${HEAD}${text}` }))
const validate = new Ajv2020({ strictRequired: false }).compile<unknown>(agentSchema())

it.each(examples)('example $i of the page about dispatch compiles, and editors take it', ({ text }) => {
  const { config, document } = parseConfig('agent.yaml', text, {})
  expect(compileRules(config, document)).toBeDefined()
  expect(validate(parse(text)), JSON.stringify(validate.errors)).toBe(true)
})

it('the page has a row for every action, and an example of every key that goes with some', () => {
  for (const action of ACTIONS) expect(page, action).toMatch(new RegExp(`^\\|[^|]*\`${action}\``, 'm'))
  const all = examples.map(({ text }) => text).join('')
  const elsewhere = ['idempotencyKey', 'sample', 'data', 'query', 'type']
  const shown = [...Object.keys(USES), 'delivery', 'onUnstored', 'worth', 'namespace', 'maxAge', 'taskQueue']
  for (const key of shown.filter((one) => !elsewhere.includes(one))) expect(all, key).toMatch(new RegExp(`\\b${key}:`))
})

describe('the table of what holds events back', () => {
  const table = page.split('## Holding back')[1] ?? ''
  const rows = [...table.matchAll(/^\| `((\w+): [^`]*)` \|.*\| ([^|]+) \|$/gm)]
  const valueOf = {
    start: 'start: w, id: request.path',
    signal: 'signal: w, key: request.path',
    signalWithStart: 'signalWithStart: w, key: request.path',
    signalTo: 'signalTo: request.path, signalName: s',
    meter: 'meter: w, key: request.path',
    window: 'window: w, key: request.path, every: 10s',
    cancel: 'cancel: request.path',
    terminate: 'terminate: request.path',
  }

  it('has a row for each', () => {
    expect(rows.map(([, , key]) => key)).toEqual(['debounce', 'throttle', 'rateLimit', 'sample'])
  })

  it.each(rows.map(([, text = '', key = '', goesWith = '']) => ({ text, key, goesWith })))(
    'says rightly what $key goes with',
    ({ text, goesWith }) => {
      const named = ACTIONS.filter((action) => goesWith.includes(`\`${action}\``))
      const told = goesWith.startsWith('all but')
        ? ACTIONS.filter((action) => !named.includes(action))
        : ACTIONS.filter(
            (action) => named.includes(action) || (action === 'signalWithStart' && named.includes('signal')),
          )
      const taken = ACTIONS.filter(
        (action) => problemsOf(rule(`workflow: { ${valueOf[action]}, ${text} }`)).length === 0,
      )
      expect(taken).toEqual(told)
    },
  )
})
