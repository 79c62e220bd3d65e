import { describe, expect, it } from 'vitest'
import { findings, replace } from './shipped.ts'

const CORP = 'claims: { tenant: tenant, roles: roles }'
const COOKIE = replace(CORP, `${CORP}\n      token: { from: [authorization, { cookie: session }] }`)
const HOOKS = replace(
  '  providers:',
  '  providers:\n    hooks: { kind: webhook, scheme: github, secrets: ["0123456789abcdef"] }',
)
const SENT = 'h_cookie=req.fhdr(cookie) n_cookie=req.fhdr_cnt(cookie)'
const ARGS = '    args auth=req.fhdr(authorization) auth_count=req.fhdr_cnt(authorization)'
const ALWAYS = 'id=unique-id method=method host=req.fhdr(host) path=path query=query src=src tls=ssl_fc'
const GITHUB = ['x-hub-signature-256', 'x-github-delivery', 'x-github-event', 'content-length', 'transfer-encoding']
  .map(
    (name) => `h_${name.replaceAll('-', '_')}=req.fhdr(${name}) n_${name.replaceAll('-', '_')}=req.fhdr_cnt(${name})`,
  )
  .join(' ')

describe('the linter, about credentials', () => {
  it('names the arguments that a provider needs, and how to send them', () => {
    expect(findings({ agent: COOKIE })).toMatchObject([
      {
        code: 'SPOE_ARGUMENT_MISSING',
        severity: 'error',
        file: 'spoe.conf',
        hint: 'Add "args h_cookie=req.fhdr(cookie)".',
      },
      { code: 'SPOE_ARGUMENT_MISSING', hint: 'Add "args n_cookie=req.fhdr_cnt(cookie)".' },
    ])
  })

  it('has nothing against arguments that are sent', () => {
    expect(findings({ agent: COOKIE, spoe: replace(ARGS, `${ARGS} ${SENT}`) })).toEqual([])
  })

  it('finds a fetch that splits the field', () => {
    const spoe = replace(ARGS, `${ARGS} ${SENT.replace('req.fhdr(cookie)', 'req.cook(session)')}`)
    expect(findings({ agent: COOKIE, spoe })).toMatchObject([
      { code: 'SPOE_ARGUMENT_FETCH', severity: 'warning', message: expect.stringContaining('req.cook(session)') },
    ])
  })

  it('wants a certificate where a provider asks for one', () => {
    const agent = replace(
      '  providers:',
      '  providers:\n    mesh: { kind: certificate, source: uri, trustDomains: [example.org] }',
    )
    const missing = findings({ agent }).map(({ message }) => /"(\w+)", which/.exec(message)?.[1])
    expect(missing).toEqual(['cert', 'cert_used', 'cert_verify'])
  })

  it('wants a message with the body for webhooks', () => {
    const found = findings({ agent: HOOKS }).filter(({ code }) => code === 'SPOE_MESSAGE_MISSING')
    expect(found).toMatchObject([
      { message: expect.stringContaining('"check_body"'), hint: expect.stringContaining('webhooks') },
    ])
  })

  it('compares that message with what webhooks need', () => {
    const message = `spoe-message check_body\n    args ${ALWAYS}\n${ARGS}\n    args ${GITHUB}\n    args body=req.body\n\n`
    const group = 'spoe-group body\n    messages check_body\n\n'
    const spoe = replace('# The response to', `${message}${group}# The response to`)
    const left = findings({ agent: HOOKS, spoe })
    expect(left).toMatchObject([{ code: 'SPOE_ARGUMENT_MISSING', hint: 'Add "args body_size=req.body_size".' }])
  })

  it('finds a variable of a provider that HAProxy would drop', () => {
    const agent = replace(CORP, 'claims: { tenant: tenant, roles: roles, variables: { org: [organization, id] } }')
    expect(findings({ agent })).toMatchObject([
      { code: 'SPOE_VARIABLE_UNREGISTERED', file: 'agent.yaml', message: expect.stringContaining('"org"') },
    ])
  })
})
