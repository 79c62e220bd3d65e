import { describe, expect, it } from 'vitest'
import { both, codes, type Edits, findings, replace } from './shipped.ts'

const LISTEN = 'tcp://127.0.0.1:${SPOP_PORT:-9000}'
const SERVER = '"127.0.0.1:${SPOP_PORT}"'
const FORMAT = /^ *unique-id-format.*$/
const SILENT = /^.*agent_silent.*$/
const ACL = 'acl allowed     var(txn.temporal.decision) -m str allow'
const DENY = 'http-request deny status 403 if { var(txn.temporal.decision) -m str deny }'
const noDecision = both(replace(DENY, ''), replace(SILENT, ''))

describe('the linter finds what a copy of the shipped files lacks:', () => {
  it.each<[string, Edits, string]>([
    ['the filter', { haproxy: replace('filter spoe', '# filter spoe') }, 'error HAPROXY_FILTER_MISSING haproxy.cfg'],
    ['a prefix', { spoe: replace('option var-prefix temporal', '') }, 'error SPOE_VAR_PREFIX spoe.conf'],
    ['our prefix', { spoe: replace('var-prefix temporal', 'var-prefix edge') }, 'error SPOE_VAR_PREFIX spoe.conf'],
    ['a port', { agent: replace(LISTEN, 'tcp://127.0.0.1:9001') }, 'warning HAPROXY_AGENT_ADDRESS haproxy.cfg'],
    ['a socket', { agent: replace(LISTEN, 'unix:///run/a.sock') }, 'warning HAPROXY_AGENT_ADDRESS haproxy.cfg'],
    [
      'this socket',
      { agent: replace(LISTEN, 'unix:///run/a.sock'), haproxy: replace(SERVER, 'unix@/run/b.sock') },
      'warning HAPROXY_AGENT_ADDRESS haproxy.cfg',
    ],
    ['its backend', { spoe: replace('use-backend spoe-agents', '') }, 'error SPOE_BACKEND_MISSING spoe.conf'],
    [
      'a real backend',
      { spoe: replace('use-backend spoe-', 'use-backend spo-') },
      'error SPOE_BACKEND_MISSING spoe.conf',
    ],
    [
      'an HTTP backend',
      { agent: replace('route: app', 'route: spoe-agents') },
      'error HAPROXY_ROUTE_TO_AGENT agent.yaml',
    ],
    ['a refusal', { haproxy: noDecision }, 'error HAPROXY_FAIL_OPEN haproxy.cfg'],
    ['a refusal of silence', { haproxy: replace(SILENT, '') }, 'error HAPROXY_FAIL_OPEN haproxy.cfg'],
    ['set-on-error', { spoe: replace('option set-on-error error', '') }, 'warning SPOE_OPTION_MISSING spoe.conf'],
    [
      'no fragments',
      { spoe: replace('no option send-frag-payload', ''), version: '3.0' },
      'warning SPOE_OPTION_MISSING spoe.conf',
    ],
    ['a unique id', { haproxy: replace(FORMAT, '') }, 'warning HAPROXY_UNIQUE_ID_MISSING haproxy.cfg'],
    ['the whole header', { spoe: replace('auth=req.fhdr(', 'auth=req.hdr(') }, 'warning SPOE_ARGUMENT_FETCH spoe.conf'],
    ['its count', { spoe: replace('req.fhdr_cnt(auth', 'req.hdr_cnt(auth') }, 'warning SPOE_ARGUMENT_FETCH spoe.conf'],
    ['the event', { spoe: replace('on-frontend-http', 'on-backend-http') }, 'warning SPOE_EVENT spoe.conf'],
  ])('%s', (_name, edits, expected) => {
    expect(codes(edits)).toEqual([expected])
  })

  it.each([
    ['event on-frontend', 'evnt on-frontend', 'error SPOE_MESSAGE_MISSING spoe.conf', 'event'],
    ['args auth=', 'arggs auth=', 'error SPOE_ARGUMENT_MISSING spoe.conf', 'args'],
  ])('a keyword: %s', (from, to, consequence, meant) => {
    const edits = { spoe: replace(from, to) }
    expect(codes(edits)).toEqual(expect.arrayContaining([consequence, 'warning SPOE_UNKNOWN_KEYWORD spoe.conf']))
    expect(findings(edits).find(({ code }) => code === 'SPOE_UNKNOWN_KEYWORD')).toMatchObject({
      hint: `Did you mean "${meant}"?`,
      source: expect.stringContaining(to),
    })
  })

  it.each([
    ['a comment', '# txn.temporal.plan'],
    ['a longer name', 'http-request set-header X-P %[var(txn.temporal.plann)]'],
    ['a part of a name', 'http-request set-header X-P %[var(txn.temporal.plan.x)]'],
  ])('a variable that only %s names', (_name, line) => {
    const haproxy = replace(/^.*X-Identity-Plan.*$/, `    ${line}`)
    const dropped = findings({ haproxy }).filter(({ code }) => code === 'SPOE_VARIABLE_UNREGISTERED')
    expect(dropped).toMatchObject([{ message: expect.stringContaining('"plan"') }])
  })
})

describe('the linter has nothing against', () => {
  const other = '    filter spoe engine waf config waf.conf\n'
  it.each<[string, Edits]>([
    [
      'a variable among others in a format',
      {
        haproxy: replace(
          /^.*X-Identity-Plan.*$/,
          "    http-request set-header P '%[var(txn.temporal.tenant)]/%[var(txn.temporal.plan),lower]'",
        ),
      },
    ],
    [
      'an agent whose name is the prefix',
      {
        spoe: both(
          replace('option var-prefix temporal', ''),
          replace('spoe-agent temporal-agent', 'spoe-agent temporal'),
        ),
      },
    ],
    [
      'a socket that both name',
      { agent: replace(LISTEN, 'unix:///run/a.sock'), haproxy: replace(SERVER, 'unix@/run/a.sock') },
    ],
    ['a port on another host', { haproxy: replace(SERVER, 'ipv4@agents.internal:9000') }],
    [
      'a second process',
      {
        haproxy: replace(`server agent1 ${SERVER}`, `server agent0 127.0.0.1:8999 check\n    server agent1 ${SERVER}`),
      },
    ],
    ['an address that cannot be compared', { haproxy: replace(SERVER, 'abns@agent') }],
    [
      'a refusal without an acl',
      {
        haproxy: both(noDecision, replace(ACL, 'http-request deny unless { var(txn.temporal.decision) -m str allow }')),
      },
    ],
    [
      'a refusal with a negation',
      { haproxy: both(replace(DENY, ''), replace(SILENT, '    http-request reject if !allowed')) },
    ],
    [
      'a refusal of a default value',
      {
        haproxy: both(noDecision, replace(ACL, 'http-request deny if { var(txn.temporal.decision,deny) -m str deny }')),
      },
    ],
    [
      'a refusal by the error',
      { haproxy: replace(SILENT, '    http-request deny if { var(txn.temporal.error) -m found }') },
    ],
    [
      'a refusal in another variable',
      {
        haproxy: both(
          noDecision,
          replace(
            ACL,
            'http-request set-var(txn.ok) var(txn.temporal.decision)\n    http-request deny unless { var(txn.ok) -m str allow }',
          ),
        ),
      },
    ],
    ['another id', { haproxy: replace(FORMAT, ''), spoe: replace('id=unique-id', 'id=uuid') }],
    [
      'an id format for all',
      { haproxy: both(replace(FORMAT, ''), replace(/^defaults$/, 'defaults\n    unique-id-format %[uuid]')) },
    ],
    ['a filter of another kind', { haproxy: replace(/^frontend edge-plain$/, `frontend edge-plain\n${other}`) }],
    [
      'an event with a condition',
      { spoe: replace('on-frontend-http-request', 'on-frontend-http-request if { path /x }') },
    ],
  ])('%s', (_name, edits) => {
    expect(findings(edits)).toEqual([])
  })
})
