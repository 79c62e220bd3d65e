import { join } from 'node:path'
import { pino } from 'pino'
import { connect } from 'node-spoe/client'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type RunningAgent, startAgent } from '../../../agent/agent.ts'
import { parseConfig } from '../../../agent/config/load.ts'
import { argumentsOf } from '../../../agent/explain/question.ts'
import { testIdentity } from '../../../agent/policy-test/identities.ts'
import { parseTests } from '../../../agent/policy-test/load.ts'
import { Policy } from '../../../agent/policy-test/policy.ts'
import { callerName, questionsOf } from '../../../agent/policy-test/questions.ts'
import { newFolder, removeFolder } from '../../support/folder.ts'
import { startJwksServer } from '../identity/support/jwks-server.ts'
import { signToken, testKey } from '../identity/support/tokens.ts'

const RULES = `rules:
  - { name: health, match: { path: /healthz }, identity: none }
  - name: order
    match: { method: POST, path: "/orders/{id}", when: '"buyer" in identity.roles' }
    identity: { require: corp, scopes: [orders:write] }
    set: { plan: identity.claims.plan, order: captures.id, team: '"blue"' }
    route: orders
    workflow: { start: requestHook, delivery: durable, idempotencyKey: captures.id }
  - { name: inquiry, match: { path: "/orders/**" }, identity: { require: corp }, workflow: { signal: auditTrail, key: identity.subject } }
  - { name: secret, match: { header: { x-secret: { present: true } } }, deny: 404, message: "no such page" }
  - { name: limited, match: { path: /limited }, identity: none, limit: { key: 'request.headers["x-key"]', rate: 2/1h } }
  - { name: moved, match: { path: /moved }, redirect: { to: '"https://" + request.host + "/new?q=" + urlEncode(request.params.q)', status: 308 } }
  - { name: login, match: { path: /login }, identity: { require: corp, redirect: '"https://login.example.com"' } }
  - { name: color, match: { query: { color: [blue, green] } }, identity: { require: corp, optional: true }, route: app, routeBy: { value: request.params.color, among: [blue] } }
  - { name: lan, match: { source: 10.0.0.0/8, tls: { minVersion: TLSv1.3 } }, identity: none }
  - { name: shadow, mode: shadow, match: { path: "/**" }, identity: { require: other } }
  - { name: partner, match: { path: /partner }, identity: { require: other } }
  - { name: tcp, on: connection, match: { source: 10.0.0.0/8, tls: { sni: "*.example.com" } }, identity: none, route: tcp }
`

/** HAProxy sends arguments also where there is nothing to fetch. */
const NOTHING = {
  query: '',
  tls: false,
  tls_version: null,
  sni: null,
  h_x_secret: null,
  n_x_secret: 0,
  h_x_key: null,
  n_x_key: 0,
}

const TESTS = `identities:
  buyer: { provider: corp, subject: alice, tenant: acme, roles: [buyer, "a,b"], scopes: [orders:write], claims: { plan: gold, team: red } }
  reader: { provider: corp, subject: bob, roles: [buyer], claims: { team: red } }
  guest: { provider: corp, subject: carol, tenant: acme }
tests:
  - { name: health, request: GET /healthz, as: [none, buyer], expect: { rule: health } }
  - { name: order, request: POST https://api.example.com/orders/7?x=1, as: [none, buyer, reader, guest], expect: { status: 200 } }
  - { name: encoded, request: "POST /orders/a%20%62", as: buyer, expect: { rule: order } }
  - { name: secret, request: { url: /, headers: { X-Secret: "" } }, expect: { rule: secret } }
  - { name: twice, request: { url: /, headers: { x-secret: [a, b] } }, expect: { rule: secret } }
  - { name: limited, request: { url: /limited, headers: { x-key: a } }, repeat: 3, expect: { status: 429 } }
  - { name: no-key, request: GET /limited, expect: { status: 403 } }
  - { name: moved, request: "GET https://API.example.com:443/moved?q=a/b", expect: { status: 308 } }
  - { name: not-moved, request: GET /moved, expect: { status: 403 } }
  - { name: login, request: GET /login, as: [none, guest], expect: { status: 302 } }
  - { name: color, request: "GET /?color=green", as: [none, guest], expect: { rule: color } }
  - { name: blue, request: "GET /?color=blue&color=%62lue", as: none, expect: { route: blue } }
  - { name: colors, request: "GET /?color=blue&color=green", as: none, expect: { status: 403 } }
  - { name: lan, request: { url: /, source: 10.1.2.3 }, expect: { rule: lan } }
  - { name: old-tls, request: { url: /, source: 10.1.2.3, tlsVersion: TLSv1.2 }, expect: { status: 403 } }
  - { name: partner, request: GET /partner, as: [none, buyer], expect: { status: 401 } }
  - { name: dots, request: GET /a/../b, expect: { status: 400 } }
  - { name: host, request: { url: /, headers: { host: "a b" } }, expect: { status: 400 } }
  - { name: nothing, request: GET /nothing, as: buyer, expect: { status: 403 } }
  - { name: tcp, connection: { source: 10.1.2.3, sni: db.Example.com }, expect: { rule: tcp } }
  - { name: no-tcp, connection: { source: 192.0.2.1, sni: db.example.com }, expect: { status: 403 } }
`

const key = testKey('ES256', 'one')
let server: Awaited<ReturnType<typeof startJwksServer>>
let agent: RunningAgent
let folder: string
let yaml: string

beforeAll(async () => {
  folder = newFolder()
  server = await startJwksServer()
  server.publish([key.jwk])
  yaml = `version: 1
spop: { listen: "tcp://127.0.0.1:0", deadline: 30s, drain: 0s }
temporal: { address: "127.0.0.1:1" }
outbox: { path: "${join(folder, 'outbox.db')}", drain: 0s }
identity:
  providers:
    corp: { issuer: "${server.issuer}", audience: [a], claims: { tenant: tenant, roles: roles, variables: { team: team } } }
    other: { issuer: "https://other.example.com", audience: [a], jwksUri: "${server.issuer}/jwks" }
${RULES}`
  agent = await startAgent(parseConfig('agent.yaml', yaml, {}), pino({ level: 'silent' }))
})

afterAll(async () => {
  await agent.stop()
  await server[Symbol.asyncDispose]()
  removeFolder(folder)
})

it('what a test sees is what HAProxy gets from the agent, variable by variable', async () => {
  const policy = new Policy('agent.yaml', parseConfig('agent.yaml', yaml, {}))
  const { tests } = parseTests('agent.test.yaml', TESTS)
  const identities = new Map(
    Object.entries(tests.identities).map(([name, settings]) => [name, testIdentity(name, settings, policy.config)]),
  )
  await using client = await connect(agent.spop[0] ?? '', { timeoutMs: 30_000 })
  const now = Date.now()
  let asked = 0
  for (const row of tests.tests) {
    for (const caller of row.as ?? ['none' as const]) {
      const takeBack = policy.restart([])
      for (const question of questionsOf(row, caller, { identities, at: now })) {
        const request = { ...question.request, id: `r-${++asked}` }
        const { variables } = policy.ask({ ...question, request })
        const args = { ...NOTHING, ...Object.fromEntries(argumentsOf(request)) }
        if (typeof caller === 'string' && caller !== 'none') {
          const { subject, tenant, roles, scopes, claims } = tests.identities[caller] ?? {}
          const exp = Math.floor(now / 1000) + 600
          const token = { iss: server.issuer, aud: 'a', exp, sub: subject, tenant, roles, scope: scopes?.join(' ') }
          Object.assign(args, { auth: `Bearer ${signToken(key, { ...token, ...claims })}`, auth_count: 1 })
        }
        const ack = await client.notify({ [question.message]: { ...args, src: { ip: request.source } } })
        const got = Object.fromEntries(
          Object.entries(ack.variables).map(([name, value]) => [
            name.replace(/^txn\.(?:temporal\.)?/, ''),
            typeof value === 'bigint' ? Number(value) : value,
          ]),
        )
        // When a full hour is reached differs by the milliseconds between the two.
        const about = ({ retry_after, ...rest }: Record<string, unknown>): object => ({
          ...rest,
          retry_after: retry_after === undefined ? undefined : Math.round(Number(retry_after) / 60),
        })
        expect({ [`${row.name} as ${callerName(caller)}`]: about(got) }).toEqual({
          [`${row.name} as ${callerName(caller)}`]: about({ ...variables }),
        })
      }
      takeBack()
    }
  }
  expect(asked).toBe(30)
})
