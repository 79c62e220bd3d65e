import { describe, expect, it } from 'vitest'
import { parseConfig } from '../../../../agent/config/load.ts'
import { webhookProvider } from '../../../../agent/config/providers/webhook.ts'
import { denyReasons, reasons } from '../../../../agent/identity/reasons.ts'
import { compileRules } from '../../../../agent/rules/compile.ts'
import { codeBlock, codeBlocks, docsPage, docsSection, replaced } from '../../../support/docs.ts'
import { findings } from '../../lint/shipped.ts'

const page = docsPage('identity/webhooks.md')
const examples = codeBlocks(page, 'yaml')
const env = { STRIPE_SECRET: 'whsec_0123456789abcdef', PARTNER_SECRET: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw' }
const section = (title: string): string => docsSection(page, title)

describe('docs/identity/webhooks.md', () => {
  it('has an example of three schemes, of Slack and of hmac', () => {
    expect(
      examples.flatMap((text) => [...text.matchAll(/scheme: (\w+)/g)].map(([, name = '']) => name)).toSorted(),
    ).toEqual([...webhookProvider.shape.scheme.options].toSorted())
    expect(examples).toHaveLength(3)
  })

  const message = codeBlock(page, 'spoe-message')
  const ofOthers = codeBlocks(page, 'spoe-headers').map((headers) =>
    replaced(message, /^ *# github\n(?:.+\n)+/m, headers),
  )
  it.each([message, ...ofOthers].map((text, i) => [i, text]))(
    'has all lines for the shipped files with which "check" finds nothing: %s',
    (i, text) => {
      const haproxy = (file: string): string =>
        replaced(
          replaced(file, 'global\n', `global\n${codeBlock(page, 'haproxy-global')}`),
          '    # What may pass without an answer',
          `${codeBlock(page, 'haproxy')}    # What may pass without an answer`,
        )
      const spoe = (file: string): string =>
        replaced(
          replaced(
            replaced(file, /^ *event on-frontend-http-request\n/m, codeBlock(page, 'spoe-event')),
            /^ *groups again\n/m,
            codeBlock(page, 'spoe-groups'),
          ),
          /^# The response to a request/m,
          `${text}# The response to a request`,
        )
      expect(findings({ agent: () => examples[i] ?? '', haproxy, spoe, env })).toEqual([])
    },
  )

  it.each(examples)('has an example that works as it stands: %#', (text) => {
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
