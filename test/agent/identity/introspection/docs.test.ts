import { describe, expect, it } from 'vitest'
import { introspectionProvider } from '../../../../agent/config/providers/introspection.ts'
import { codeBlock, codeBlocks, docsPage, replaced } from '../../../support/docs.ts'
import { shipped, withArguments } from '../../../support/shipped-files.ts'
import { findings } from '../../lint/shipped.ts'
import { testAskedProviderPage } from '../support/asked-provider-page.ts'

const page = docsPage('identity/introspection.md')
/** HAProxy has to wait for the half second that the examples give the agent. */
const WAITING = { SPOE_PROCESSING_TIMEOUT: '600ms', SPOE_AGAIN_TIMEOUT: '300ms', SPOE_AGAIN_WITHIN_MS: '300' }

describe('docs/identity/introspection.md', () => {
  testAskedProviderPage(page, introspectionProvider)

  const [first = '', second = ''] = codeBlocks(page, 'yaml')

  it('is right that the first example needs no more of the shipped files', () => {
    for (const [name, value] of Object.entries(WAITING)) expect(page).toContain(`${name}=${value}`)
    expect(findings({ agent: () => first, env: WAITING })).toEqual([])
  })

  it('has the lines that the second one needs', () => {
    const missing = findings({ agent: () => second, env: WAITING })
    expect(missing.map(({ code }) => code)).toEqual(Array.from({ length: 3 }, () => 'SPOE_ARGUMENT_MISSING'))
    const haproxy = replaced(shipped('haproxy.cfg'), /^ *bind "\$\{EDGE_HTTPS\}".*\n/m, codeBlock(page, 'haproxy-bind'))
    const roomy = replaced(haproxy, /^global\n/m, `global\n${codeBlock(page, 'haproxy-global')}`)
    const spoe = withArguments(shipped('spoe.conf'), codeBlock(page, 'spoe-args'))
    const env = { ...WAITING, CLIENT_CA: '/etc/haproxy/clients.pem' }
    expect(findings({ agent: () => second, haproxy: () => roomy, spoe: () => spoe, env })).toEqual([])
  })
})
