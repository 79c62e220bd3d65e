import { describe, expect, it } from 'vitest'
import { findings } from './shipped.ts'

const AGENT = `version: 1
spop: { listen: tcp://127.0.0.1:9000 }
temporal: { address: 127.0.0.1:7233 }
rules:
  - { name: all, identity: none, route: orders }
`

interface Files {
  /** Of the frontend. */
  readonly rules?: string
  readonly app?: string
  readonly orders?: string
  /** Above the frontend, which takes it over. */
  readonly defaults?: string
  /** `option set-on-error` of the engine. */
  readonly error?: string
}

/** A frontend whose agent.yaml can route to "orders", and what is said about it. */
function said({ rules = '', app = '', orders = '', defaults = '', error = 'error' }: Files): string[] {
  const haproxy = `defaults named
    mode http
    timeout connect 1s
    timeout client 1m
    timeout server 1m
${defaults}
frontend edge from named
    bind 127.0.0.1:1
    unique-id-format %[uuid]
    filter spoe engine temporal config spoe.conf
${rules}
    use_backend %[var(txn.temporal.route)] if { var(txn.temporal.route) -m found }
    default_backend app
backend app from named
    server app1 127.0.0.1:2
${app}
backend orders from named
    server orders1 127.0.0.1:3
${orders}
backend acme from named
    server acme1 127.0.0.1:4
backend spoe-agents
    mode spop
    timeout connect 1s
    timeout server 1m
    option spop-check
    server agent1 127.0.0.1:9000 check
`
  const spoe = `[temporal]
spoe-agent temporal-agent
    messages check
    option var-prefix temporal
    option force-set-var
    option set-on-error ${error}
    option continue-on-error
    timeout processing 50ms
    use-backend spoe-agents
spoe-message check
    args id=unique-id method=method host=req.fhdr(host) path=path query=query src=src tls=ssl_fc
    args auth=req.fhdr(authorization) auth_count=req.fhdr_cnt(authorization)
    event on-frontend-http-request
`
  return findings({ agent: () => AGENT, haproxy: () => haproxy, spoe: () => spoe }).flatMap(({ code, message }) =>
    code === 'HAPROXY_FAIL_OPEN' ? [message] : [],
  )
}

const ALLOWED = '{ var(txn.temporal.decision) -m str allow }'
const DENIED = '{ var(txn.temporal.decision) -m str deny }'
const FAILED = '{ var(txn.temporal.error) -m found }'
const REFUSED = 'http-request deny if'
const REFUSED_UNLESS = 'http-request deny unless'
const DENY = `${REFUSED} ${DENIED}`

const OPEN = ['no rule of "edge" refuses by txn.temporal.decision: every request would be let through']
const OPEN_WHILE_SILENT = [
  '"edge" refuses what the agent denies, but lets everything through while the agent is silent',
]

describe('a frontend is closed where', () => {
  it.each<[string, Files]>([
    ['whatever was not allowed is denied', { rules: `${REFUSED_UNLESS} ${ALLOWED}` }],
    ['it is denied on some paths only', { rules: `${REFUSED_UNLESS} ${ALLOWED} or { path_beg /public/ }` }],
    [
      'an acl of several lines says so',
      { rules: `acl open path /x\nacl open var(txn.temporal.decision) -m str allow\n${REFUSED} !open` },
    ],
    ['a negation stands in front of braces', { rules: `${REFUSED} !${ALLOWED}` }],
    ['denial and silence have a rule each', { rules: `${DENY}\nhttp-request return status 503 if ${FAILED}` }],
    [
      'another variable of the agent is missing while it is silent',
      { rules: `${DENY}\n${REFUSED_UNLESS} { var(txn.temporal.rule) -m found }` },
    ],
    ['those let in pass, and all others are refused', { rules: `http-request allow if ${ALLOWED}\nhttp-request deny` }],
    ['the agent has to be reached', { rules: `${DENY}\nhttp-request tarpit if ${FAILED} { path_beg /api/ }` }],
    [
      'a copy of the decision is obeyed',
      {
        rules: `http-request set-var(txn.said) var(txn.temporal.decision)\n${REFUSED_UNLESS} { var(txn.said) -m str allow }`,
      },
    ],
    [
      'a copy in a format is obeyed',
      {
        rules: `http-request set-var-fmt(txn.said) "x%[var(txn.temporal.decision)]"\n${REFUSED_UNLESS} { var(txn.said) -m str xallow }`,
      },
    ],
    [
      'a mark of those who are not let in is obeyed',
      {
        rules: `http-request set-var(txn.refused) bool(true) unless ${ALLOWED}\n${REFUSED} { var(txn.refused) -m found }`,
      },
    ],
    [
      'the name of set-on-error is another one',
      { error: 'failed', rules: `${DENY}\n${REFUSED} { var(txn.temporal.failed) -m found }` },
    ],
    ['its "defaults" refuse', { defaults: `${REFUSED_UNLESS} ${ALLOWED}` }],
    ['each of its backends refuses', { app: `${REFUSED_UNLESS} ${ALLOWED}`, orders: `${REFUSED_UNLESS} ${ALLOWED}` }],
    ['who is refused is led to a backend without a server', { rules: `use_backend nobody unless ${ALLOWED}` }],
    ['Lua does something about the decision', { rules: `http-request lua.refuse unless ${ALLOWED}` }],
    [
      'letting in all while the agent is silent is said to be meant',
      { rules: `${DENY}\nhttp-request allow if ${FAILED}` },
    ],
  ])('%s', (_where, files) => {
    const nobody = { ...files, orders: `${files.orders ?? ''}\nbackend nobody from named` }
    expect(said(nobody)).toEqual([])
  })
})

describe('a frontend is open where', () => {
  it.each<[string, Files]>([
    ['it has no rules', {}],
    ['a rule refuses for another reason', { rules: `${REFUSED} { path_beg /admin }` }],
    [
      'a rule compares with a decision that does not exist',
      { rules: `${REFUSED} { var(txn.temporal.decision) -m str denied }` },
    ],
    [
      'any decision lets in',
      { rules: `http-request allow if { var(txn.temporal.decision) -m found }\nhttp-request deny` },
    ],
    ['the rule stands below one that lets in everybody', { rules: `http-request allow\n${REFUSED_UNLESS} ${ALLOWED}` }],
    ['a copy of the decision is only made', { rules: 'http-request set-var(txn.said) var(txn.temporal.decision)' }],
    ['the rule is one for answers', { rules: `http-response deny unless ${ALLOWED}` }],
    [
      'the acl belongs to another proxy',
      { rules: `${REFUSED} refused`, app: 'acl refused var(txn.temporal.decision) -m str deny' },
    ],
  ])('%s', (_where, files) => {
    expect(said(files)).toEqual(OPEN)
  })
})

describe('a frontend is open while the agent is silent where', () => {
  it.each<[string, Files]>([
    ['only a denial is refused', { rules: DENY }],
    [
      'a decision is wanted only of those who have one',
      { rules: `${REFUSED_UNLESS} ${ALLOWED} or !{ var(txn.temporal.decision) -m found }` },
    ],
    [
      'a copy of the decision is compared with a denial',
      { rules: `http-request set-var(txn.said) var(txn.temporal.decision)\n${REFUSED} { var(txn.said) -m str deny }` },
    ],
    ['the rule asks for an error that has another name', { error: 'failed', rules: `${DENY}\n${REFUSED} ${FAILED}` }],
    ['the error is only copied', { rules: `${DENY}\nhttp-request set-var(txn.err) var(txn.temporal.error)` }],
    [
      'some of the requests are let in, and nothing is said of the others',
      { rules: `${DENY}\nhttp-request allow if ${FAILED} { path_beg /public/ }` },
    ],
    ['the error leads to another backend that refuses nothing', { rules: `${DENY}\nuse_backend acme if ${FAILED}` }],
  ])('%s', (_where, files) => {
    expect(said(files)).toEqual(OPEN_WHILE_SILENT)
  })
})

describe('of several backends', () => {
  it('those are named that are open', () => {
    expect(said({ app: `${REFUSED_UNLESS} ${ALLOWED}` })).toEqual([
      '"edge" leads to "orders", and no rule of the two refuses by txn.temporal.decision',
    ])
    expect(said({ rules: 'use_backend acme if { path_beg /x }', app: `${REFUSED_UNLESS} ${ALLOWED}` })).toEqual([
      '"edge" leads to "orders", and no rule of the two refuses by txn.temporal.decision',
      '"edge" leads to "acme", and no rule of the two refuses by txn.temporal.decision',
    ])
  })

  it('those are named that are open while the agent is silent', () => {
    const rules = `${DENY}\nuse_backend acme if { path_beg /x }`
    expect(said({ rules, app: `${REFUSED} ${FAILED}` })).toEqual([
      '"edge" leads to "acme" and refuses there what the agent denies, but lets everything through while the agent is silent',
    ])
  })

  it('nothing is said of one that nobody is led to', () => {
    const rules = `use_backend acme if ${ALLOWED}`
    expect(said({ rules, app: `${REFUSED_UNLESS} ${ALLOWED}`, orders: `${REFUSED_UNLESS} ${ALLOWED}` })).toEqual([])
  })
})
