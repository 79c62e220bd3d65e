import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { loadConfig } from '../../agent/config/load.ts'
import { type EdgeRequest, echoOf } from '../../agent/dev/request.ts'
import { ROOT } from '../../agent/dev/tools.ts'
import type { AskedRequest } from '../../agent/explain/question.ts'
import { compare } from '../../agent/policy-test/compare.ts'
import { testIdentity } from '../../agent/policy-test/identities.ts'
import { loadTests } from '../../agent/policy-test/load.ts'
import { Policy } from '../../agent/policy-test/policy.ts'
import { callerName, questionsOf } from '../../agent/policy-test/questions.ts'
import type { Caller } from '../../agent/policy-test/schema.ts'
import { bearer, type Edge, HAPROXY_VERSIONS, NO_TEMPORAL, startEdge } from '../support/edge.ts'

const CONFIG = join(ROOT, 'agent.yaml')
const { tests } = loadTests(join(ROOT, 'agent.test.yaml'))
const ROWS = tests.tests.flatMap((row) =>
  (row.as ?? ['none' as const]).map((caller) => ({ name: `${row.name}, as ${callerName(caller)}`, row, caller })),
)
/** No request can bring this about while the provider is there; provider-away.test.ts is about when it is not. */
const AWAY = ROWS.filter(({ caller }) => callerName(caller) === 'keys_unavailable')

/** What the upstream is told of a caller. */
const HEADERS = {
  'x-identity-subject': 'subject',
  'x-identity-issuer': 'issuer',
  'x-identity-tenant': 'tenant',
  'x-identity-roles': 'roles',
  'x-identity-plan': 'plan',
}

it('one row of agent.test.yaml alone cannot be sent', () => {
  expect(AWAY.map(({ name }) => name)).toEqual([
    'while the keys of the provider are away, nobody can tell, as keys_unavailable',
  ])
})

describe.each(HAPROXY_VERSIONS)('the rows of agent.test.yaml through HAProxy %s', (version) => {
  let edge: Edge
  let policy: Policy
  beforeAll(async () => {
    edge = await startEdge(version, { temporalAddress: NO_TEMPORAL, worker: false })
    policy = new Policy(CONFIG, loadConfig(CONFIG, { ...process.env, ...edge.env }))
  })
  afterAll(() => edge?.stop())

  /** A token of which the agent says what the row says of its caller. */
  async function credential(caller: Caller): Promise<Readonly<Record<string, string>>> {
    if (caller === 'none') return {}
    const iat = Math.floor(Date.now() / 1000)
    const signed = async (name: string, more: object): Promise<Readonly<Record<string, string>>> => {
      const { subject = name, tenant, roles, scopes, claims } = tests.identities[name] ?? {}
      const scope = scopes?.join(' ')
      return bearer(
        await edge.identity.sign({ sub: subject, tenant, roles, scope, ...claims, iat, exp: iat + 600, ...more }),
      )
    }
    if (typeof caller === 'string') return signed(caller, {})
    const reason = 'reason' in caller ? caller.reason : undefined
    if (reason === 'expired') return signed('buyer', { iat: iat - 7200, exp: iat - 3600 })
    if (reason === 'insufficient_scope') return signed('buyer', { scope: 'orders:read' })
    throw new Error(`no way to send ${callerName(caller)}`)
  }

  async function sent({ method, path, query, host, headers }: AskedRequest, caller: Caller): Promise<EdgeRequest> {
    return {
      method,
      path: query === '' ? path : `${path}?${query}`,
      headers: {
        ...(host !== '' && { host }),
        ...Object.fromEntries(headers),
        ...(await credential(caller)),
      },
    }
  }

  it.each(ROWS.filter((one) => !AWAY.includes(one)))('$name', async ({ row, caller }) => {
    const identities = new Map(
      Object.entries(tests.identities).map(([name, settings]) => [name, testIdentity(name, settings, policy.config)]),
    )
    const takeBack = policy.restart(row.verdicts)
    const questions = questionsOf(row, caller, { identities, at: tests.at })
    for (const [i, question] of questions.entries()) {
      const response = await edge.send(await sent(question.request, caller))
      const logged = await edge.logged(response)
      const echo = echoOf(response)
      // The same request as HAProxy has named it.
      const answer = policy.ask({ ...question, request: { ...question.request, id: response.requestId } })
      if (i === questions.length - 1) expect(compare(row.expect, answer)).toEqual([])

      const { decision, variables, command } = answer
      const { rule, route = 'app' } = variables
      expect({
        decision: logged.decision,
        status: response.status,
        reason: logged.reason,
        rule: logged.rule,
        workflow: logged.workflow,
        event: logged.event,
        route: decision.allow ? logged.backend : undefined,
        upstream: echo?.upstream,
      }).toEqual({
        decision: decision.allow ? 'allow' : 'deny',
        status: decision.status,
        reason: decision.reason,
        rule,
        workflow: command?.workflowId,
        event: command?.id,
        route: decision.allow ? route : undefined,
        upstream: decision.allow ? route : undefined,
      })
      for (const [field, name] of Object.entries(HEADERS)) {
        if (decision.allow) expect(echo?.identity[field], field).toBe(variables[name])
      }
    }
    takeBack()
  })
})
