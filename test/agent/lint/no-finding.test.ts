import { describe, expect, it } from 'vitest'
import { both, type Edit, type Edits, findings, replace } from './shipped.ts'

const ARGS = '    args auth=req.fhdr(authorization) auth_count=req.fhdr_cnt(authorization)\n    event on-frontend'
const NOT_YET = /^ *# What may pass without an answer of the agent\..*$/
const args = (more: string): Edit => replace(ARGS, `    args ${more}\n${ARGS}`)
const rule = (line: string): Edit => replace(NOT_YET, `    ${line}`)
const MODE = /^ *\.if version_atleast\(3\.1-dev4\)\n.*\n.*\n.*\n.*$/

describe('nothing is found where only the version, the place or the meaning differs:', () => {
  it.each<[string, Edits]>([
    ['mode tcp above the frontend, up to 3.0', { haproxy: replace(MODE, '    mode tcp'), version: '3.0' }],
    [
      'what only 3.0 and below need, on 3.2',
      { spoe: replace(/^ *(?:timeout (?:hello|idle)|no option send-frag).*$/, '') },
    ],
    [
      'what 3.1 and later ignore, on 2.6',
      { spoe: replace('no option async', 'max-waiting-frames 10'), version: '2.6' },
    ],
    [
      'what 3.1 and later ignore, on any',
      { spoe: replace('no option async', 'max-waiting-frames 10'), version: 'any' },
    ],
    [
      'an engine that another branch asks',
      { haproxy: replace('filter spoe engine temporal-again', 'filter spoe engine temporal-again'.replace(' ', '  ')) },
    ],
    [
      'an engine that a backend asks when it has been chosen',
      {
        haproxy: replace(/^backend app$/, 'backend app\n    filter spoe engine behind config spoe.conf'),
        spoe: (text) =>
          `${text}\n[behind]\nspoe-agent behind-agent\n    messages late\n    use-backend elsewhere\n\nspoe-message late\n    event on-backend-http-request\n`,
      },
    ],
    ...['%{+X}o\\ %ci:%cp_%fi:%fp_%Ts_%rt:%pid', '%[req.hdr(x-request-id)]-%[uuid(4)]', '%[var(txn.id)]'].map(
      (format): [string, Edits] => [
        `unique-id-format ${format}`,
        { haproxy: replace(/unique-id-format .*$/, `unique-id-format ${format}`) },
      ],
    ),
    ['a time that "defaults" give', { haproxy: replace('timeout server 2m', '') }],
    [
      'a check that "default-server" asks for',
      {
        haproxy: both(
          replace(' check inter 1s fall 2 rise 1', ''),
          replace('balance roundrobin', 'default-server check'),
        ),
      },
    ],
    [
      'a second door that refuses everything',
      {
        haproxy: replace(
          /^backend app$/,
          'frontend side\n    http-request deny\n    default_backend app\n\nbackend app',
        ),
      },
    ],
    [
      'a second door of mode tcp',
      { haproxy: replace(/^backend app$/, 'frontend side\n    mode tcp\n    default_backend app\n\nbackend app') },
    ],
    [
      'a second door to a backend of its own',
      { haproxy: replace(/^backend app$/, 'frontend side\n    default_backend other\n\nbackend other\n\nbackend app') },
    ],
    [
      'a route that a map looks up',
      {
        haproxy: replace(
          /^ *use_backend.*$/,
          '    use_backend %[var(txn.temporal.route),map_str(routes.map,app)] if { var(txn.temporal.decision) -m found }',
        ),
      },
    ],
    [
      'an unknown variable that is asked for first',
      {
        haproxy: rule(
          'http-request set-header X %[var(txn.temporal.shoe_size)] if { var(txn.temporal.shoe_size) -m found }',
        ),
      },
    ],
    ['a variable that haproxy.cfg sets itself', { haproxy: rule('http-request set-var(txn.temporal.mine) path') }],
    [
      'a variable of the session that tells nothing of the caller',
      { haproxy: rule('http-request set-var(sess.count) int(1)') },
    ],
    [
      'some are let in, and all others refused',
      {
        haproxy: both(
          both(replace(/^.*decision\) -m str deny.*$/, ''), replace(/^.*agent_silent.*$/, '')),
          rule('http-request allow if { var(txn.temporal.decision) -m str allow }\n    http-request deny'),
        ),
      },
    ],
    ['a variable of the response, set with it', { haproxy: rule('http-response set-var(res.x) status') }],
    ['the error as a number', { haproxy: rule('http-request deny if { var(txn.temporal.error) -m int gt 0 }') }],
    [
      'a body that an option waits for',
      {
        spoe: args('body=req.body'),
        haproxy: replace(/^frontend edge$/, 'frontend edge\n    option http-buffer-request'),
      },
    ],
    [
      'sizes with units, on 3.2',
      {
        haproxy: replace(/^global$/, 'global\n    tune.bufsize 32K'),
        spoe: replace('option dontlog-normal', 'max-frame-size 32764'),
      },
    ],
    [
      'a certificate that has room beside the request',
      {
        spoe: args('cert=ssl_c_der'),
        haproxy: replace(/^global$/, 'global\n    tune.bufsize 20480\n    tune.maxrewrite 5120'),
      },
    ],
    ['a digest of a certificate', { spoe: args('cert=ssl_c_der,sha2(256)') }],
    [
      'one header of the response, and its body',
      { spoe: replace('server=srv_name', 'server=srv_name etag=res.fhdr(etag) body=res.body') },
    ],
    ['a digest of all headers', { spoe: args('all=req.hdrs,sha2(256)') }],
    ['what an option lets HAProxy set', { spoe: replace(/^ *register-var-names.*$/, '    option force-set-var') }],
    [
      'a check that comes by a group, on chosen paths',
      {
        spoe: both(replace('messages check outcome', 'messages outcome'), replace(/^ {4}event on-frontend.*$/, '')),
        haproxy: replace(
          /^ *filter spoe engine temporal config.*$/,
          '    filter spoe engine temporal config "${SPOE_CONF}"\n    http-request send-spoe-group temporal again if { path_beg /api/ }',
        ),
      },
    ],
    [
      'a redirect that haproxy.cfg carries out',
      {
        agent: replace('    deny: 403', '    redirect: { to: \'"/login"\' }'),
        haproxy: rule(
          'http-request redirect location %[var(txn.temporal.location)] code 302 if { var(txn.temporal.location) -m found }',
        ),
      },
    ],
    [
      'statuses in a range',
      {
        haproxy: both(
          replace(/^.*-m int 403 }$/, ''),
          rule('http-request deny if { var(txn.temporal.status) -m int ge 400 }'),
        ),
      },
    ],
    [
      'several statuses in one rule',
      { haproxy: both(replace(/^.*-m int 403 }$/, ''), replace('-m int 400 }', '-m int 400 403 }')) },
    ],
    [
      'a rule about a header and the name of TLS, which are sent',
      {
        agent: replace(
          'match: { path: /healthz }',
          'match: { path: /healthz, header: { x-beta: "1" }, tls: { sni: a.example.com } }',
        ),
        spoe: args('h_x_beta=req.fhdr(x-beta) n_x_beta=req.fhdr_cnt(x-beta) sni=ssl_fc_sni'),
      },
    ],
  ])('%s', (_what, edits) => {
    expect(findings(edits).map(({ code, message }) => [code, message])).toEqual([])
  })
})

describe('a version decides which branch counts:', () => {
  const twice = replace(
    MODE,
    '    .if version_before(3.1)\n    mode tcp\n    .elif defined(NEVER)\n    mode tcp\n    .else\n    mode tcp\n    .endif',
  )
  it.each([
    ['2.6', []],
    ['3.2', ['HAPROXY_AGENT_ORDER']],
    ['any', ['HAPROXY_AGENT_ORDER']],
  ])('%s', (version, expected) => {
    expect(findings({ haproxy: twice, version }).map(({ code }) => code)).toEqual(expected)
  })

  it('the second engine of 2.6 is looked at for 2.6 only', () => {
    const gone = replace(' query=query', '')
    expect(findings({ spoe: gone, version: '3.0' })).toHaveLength(1)
    expect(findings({ spoe: gone, version: '2.6' })).toHaveLength(2)
  })
})

describe('a frontend of mode tcp with rules about connections', () => {
  const agent = `version: 1
spop: { listen: tcp://127.0.0.1:9000 }
temporal: { address: 127.0.0.1:7233 }
rules:
  - { name: door, on: connection, identity: none, match: { source: 10.0.0.0/8, tls: { sni: a.example.com } } }
`
  const haproxy = (rules: string): string => `defaults
    mode tcp
    timeout connect 1s
    timeout client 1m
    timeout server 1m
frontend door
    bind 127.0.0.1:1
    unique-id-format %[uuid]
    filter spoe engine temporal config spoe.conf
${rules}    default_backend db
backend db
    server db1 127.0.0.1:2
backend spoe-agents
    option spop-check
    server agent1 127.0.0.1:9000 check
`
  const spoe = `[temporal]
spoe-agent temporal-agent
    messages connect
    option var-prefix temporal
    register-var-names status reason challenge rule route subject issuer tenant roles event_id workflow_id provider
    register-var-names rlkey retry_after dpop_nonce
    option set-on-error error
    no option send-frag-payload
    timeout hello 1s
    timeout idle 1m
    timeout processing 50ms
    use-backend spoe-agents
spoe-message connect
    args id=unique-id src=src tls=ssl_fc sni=ssl_fc_sni
    event on-frontend-tcp-request
`
  const REJECT = '    tcp-request content reject unless { var(txn.temporal.decision) -m str allow }\n'
  const found = (rules: string): string[] =>
    findings({ agent: () => agent, haproxy: () => haproxy(rules), spoe: () => spoe }).map(({ code }) => code)

  it('has nothing wrong where the decision is obeyed', () => {
    expect(found(REJECT)).toEqual([])
  })

  it('is open where it is not', () => {
    expect(
      found('    tcp-request content set-var(txn.temporal.seen) int(1) if { var(txn.temporal.decision) -m found }\n'),
    ).toEqual(['HAPROXY_FAIL_OPEN'])
  })
})
