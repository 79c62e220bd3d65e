import { describe, expect, it } from 'vitest'
import type { Finding } from '../../../agent/lint/finding.ts'
import { both, findings, replace } from './shipped.ts'

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
    const named = both(spoe, replace('groups again\n    # Var', 'groups again body\n    # Var'))
    const sending = '    http-request wait-for-body time 5s\n    http-request send-spoe-group temporal body\n'
    const haproxy = replace(/^ *acl public_path path \/healthz$/, `${sending}    acl public_path path /healthz`)
    const left = findings({ agent: HOOKS, spoe: named, haproxy })
    expect(left).toMatchObject([{ code: 'SPOE_ARGUMENT_MISSING', hint: 'Add "args body_size=req.body_size".' }])
  })

  it('finds a variable of a provider that HAProxy would drop', () => {
    const agent = replace(CORP, 'claims: { tenant: tenant, roles: roles, variables: { org: [organization, id] } }')
    expect(findings({ agent })).toMatchObject([
      { code: 'SPOE_VARIABLE_UNREGISTERED', file: 'agent.yaml', message: expect.stringContaining('"org"') },
    ])
  })

  it('names what a rule reads, and says that it is a rule', () => {
    const match = 'match: { path: /healthz, header: { x-beta: "1" }, tls: { sni: a.example.com } }'
    expect(findings({ agent: replace('match: { path: /healthz }', match) })).toMatchObject([
      {
        message: 'the message "check" lacks the argument "h_x_beta", which a rule needs',
        hint: 'Add "args h_x_beta=req.fhdr(x-beta)".',
      },
      { hint: 'Add "args n_x_beta=req.fhdr_cnt(x-beta)".' },
      { hint: 'Add "args sni=ssl_fc_sni".' },
    ])
  })

  it('compares the message about connections with what its rules read', () => {
    expect(withConnect('tls: { sni: a.example.com }', 'id=unique-id src=src', 'on-frontend-tcp-request')).toMatchObject(
      [
        { code: 'SPOE_ARGUMENT_MISSING', hint: 'Add "args tls=ssl_fc".' },
        { code: 'SPOE_ARGUMENT_MISSING', hint: 'Add "args sni=ssl_fc_sni".' },
      ],
    )
  })

  it('asks for nothing that HAProxy cannot send when a client has just connected', () => {
    expect(withConnect('source: 10.0.0.0/8', 'src=src', 'on-client-session')).toEqual([])
    // At any later moment it can.
    expect(withConnect('source: 10.0.0.0/8', 'src=src', 'on-frontend-tcp-request')).toMatchObject([
      { code: 'SPOE_ARGUMENT_MISSING', hint: 'Add "args id=unique-id".' },
      { code: 'SPOE_ARGUMENT_MISSING', hint: 'Add "args tls=ssl_fc".' },
    ])
  })

  it('still asks for the address then', () => {
    expect(withConnect('source: 10.0.0.0/8', 'x=src', 'on-client-session')).toMatchObject([
      { message: 'the message "connect" lacks the argument "src", which a rule needs', hint: 'Add "args src=src".' },
    ])
  })

  it.each([
    ['tls: true', ['tls']],
    ['tls: { sni: a.example.com }', ['tls', 'sni']],
    ['when: connection.alpn == "h2"', ['alpn']],
  ])('says of a rule with %s that it asks too early, and adds nothing that would stop the message', (match, lacks) => {
    const found = withConnect(match, 'src=src', 'on-client-session')
    expect(found.map(({ code, message, addition }) => [code, message, addition])).toEqual(
      lacks.map((name) => [
        'SPOE_ARGUMENT_MISSING',
        `the message "connect" lacks the argument "${name}", which a rule needs`,
        undefined,
      ]),
    )
    for (const { hint } of found) expect(hint).toContain('ask by a group')
  })
})

/** What is found where a rule for connections and the message that asks it are added. */
function withConnect(match: string, args: string, event: string): Finding[] {
  const door = `  - name: door\n    on: connection\n    identity: none\n    match:\n      ${match}\n`
  const agent = replace(/^ {2}- name: health$/, `${door}  - name: health`)
  const message = `spoe-message connect\n    args ${args}\n    event ${event}\n\n`
  const spoe = both(
    replace('messages check outcome', 'messages connect check outcome'),
    replace('# The response to', `${message}# The response to`),
  )
  return findings({ agent, spoe })
}
