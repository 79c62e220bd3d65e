import { describe, expect, it } from 'vitest'
import { forwardAuthProvider } from '../../../../agent/config/providers/forward-auth.ts'
import { presets } from '../../../../agent/identity/forward-auth/presets.ts'
import { codeBlocks, docsPage, docsSection } from '../../../support/docs.ts'
import { filesOfPage } from '../../../support/page-files.ts'
import { findings } from '../../lint/shipped.ts'
import { testAskedProviderPage } from '../support/asked-provider-page.ts'

const page = docsPage('identity/forward-auth.md')

describe('docs/identity/forward-auth.md', () => {
  testAskedProviderPage(page, forwardAuthProvider)

  const [cookies = ''] = codeBlocks(page, 'spoe')
  it.each(['An example with oauth2-proxy', 'Authelia', 'authentik', 'Any other'])(
    'has all lines for the shipped files with which "check" finds nothing: %s',
    (title) => {
      const part = docsSection(page, title)
      // "as above", say the sections that have no lines of their own.
      const own = codeBlocks(part, 'spoe').length > 0
      if (!own) expect(part).toContain('`spoe.conf` sends the cookie as above')
      const { config, haproxy, spoe } = filesOfPage(own ? part : `${part}\n\`\`\`spoe\n${cookies}\`\`\`\n`, 'answers')
      const env = { SPOE_PROCESSING_TIMEOUT: '600ms', SPOE_AGAIN_TIMEOUT: '300ms', SPOE_AGAIN_WITHIN_MS: '300' }
      for (const [name, value] of Object.entries(env)) expect(page).toContain(`${name}=${value}`)
      expect(findings({ agent: () => config, haproxy: () => haproxy, spoe: () => spoe, env })).toEqual([])
    },
  )

  it('tells the presets as they are', () => {
    for (const [name, { path, cookies, claims }] of Object.entries(presets)) {
      const cookie = cookies === undefined ? 'yours' : `\`${cookies.join()}\``
      const row = `| \`${name}\` | \`${path}\` | ${cookie} | \`${claims.subject}\` | \`${claims.roles}\``
      expect(page).toContain(row)
      expect(page).toContain(`| \`${claims.email}\` |`)
    }
  })
})
