import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Client, Connection } from '@temporalio/client'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createKey } from '../../agent/actor/create-key.ts'
import { Cleanup } from '../../agent/dev/cleanup.ts'
import { ROOT } from '../../agent/dev/tools.ts'
import { bearer, type Edge, startEdge } from '../support/edge.ts'
import { newFolder, removeFolder } from '../support/folder.ts'

/** Strings that stand for secrets; wherever one turns up, a secret would. */
const CANARIES = {
  cookie: 'canary-cookie-4b1d',
  apiKey: 'canary-apikey-9f2a',
  query: 'canary-query-77c0',
  pseudonyms: 'canary-pseudonym-secret-31e6',
}
const EVENTUALLY = { timeout: 30_000, interval: 100 }

const everything = new Cleanup()
let edge: Edge
let keyPem: string

beforeAll(async () => {
  const folder = newFolder()
  everything.add(() => removeFolder(folder))
  const files = { keyFile: join(folder, 'actor-key.pem'), jwksFile: join(folder, 'actor-keys.json') }
  createKey('EdDSA', files)
  keyPem = readFileSync(files.keyFile, 'utf8')
  writeFileSync(join(folder, 'pseudonyms.secret'), CANARIES.pseudonyms)
  const config = join(folder, 'agent.yaml')
  const shipped = readFileSync(join(ROOT, 'agent.yaml'), 'utf8')
  writeFileSync(
    config,
    `${shipped.replace('keyAs: plain', 'keyAs: pseudonym')}
log: { level: debug }
actor:
  signingKey: { file: actor-key.pem }
  verifyKeys: { file: actor-keys.json }
  pseudonyms: { secret: { file: pseudonyms.secret } }
  fields: { subject: pseudonym, tenant: pseudonym, session: pseudonym }
  searchAttributes: true
`,
  )
  edge = await startEdge('3.2', { config })
  everything.add(() => edge.stop())
})
afterAll(() => everything.run())

/** Everything in a message of Temporal as text: payloads, and what is base64url in them. */
function textOf(value: unknown): string {
  if (value instanceof Uint8Array) return decoded(Buffer.from(value).toString('latin1'))
  if (Array.isArray(value)) return value.map(textOf).join('\n')
  if (typeof value === 'object' && value !== null) {
    return Object.entries(value)
      .map(([name, member]) => `${name}: ${textOf(member)}`)
      .join('\n')
  }
  return typeof value === 'string' ? decoded(value) : String(value)
}

/** A text and, behind it, the JWS segments that it holds. */
function decoded(text: string): string {
  const segments = text.match(/eyJ[\w-]+/g) ?? []
  return [text, ...segments.map((segment) => Buffer.from(segment, 'base64url').toString('latin1'))].join('\n')
}

it('no secret of a request or of the agent gets into Temporal, logs, status or metrics', async () => {
  const tokens = {
    buyer: await edge.identity.token('buyer', { scope: 'orders:write' }),
    viewer: await edge.identity.token('viewer'),
  }
  const send = (token: string, method: string, path: string) =>
    edge.send({
      method,
      path: `${path}?access_token=${CANARIES.query}`,
      headers: { ...bearer(token), cookie: `session=${CANARIES.cookie}`, 'x-api-key': CANARIES.apiKey },
    })
  const responses = [
    await send(tokens.buyer, 'POST', '/orders/1'),
    await send(tokens.viewer, 'POST', '/orders/1'),
    await send(tokens.viewer, 'GET', '/api/usage'),
    await send(
      tokens.buyer.replace(/[^.]+$/, (signature) => signature.split('').toReversed().join('')),
      'POST',
      '/orders/1',
    ),
  ]
  expect(responses.map(({ status }) => status)).toEqual([200, 200, 200, expect.toBeOneOf([400, 401]) as number])
  await expect.poll(async () => (await edge.events()).total.delivered, EVENTUALLY).toBe(3)

  const connection = await Connection.connect({ address: edge.temporalAddress })
  everything.add(() => connection.close())
  const client = new Client({ connection })
  const workflows: { workflowId: string; text: string }[] = []
  await expect
    .poll(
      async () => (await client.workflow.count("WorkflowType = 'requestHook' AND ExecutionStatus = 'Completed'")).count,
      EVENTUALLY,
    )
    .toBe(1)
  await expect.poll(async () => (await client.workflow.count()).count, EVENTUALLY).toBe(3)
  for await (const { workflowId } of client.workflow.list()) {
    const handle = client.workflow.getHandle(workflowId)
    const described = await handle.describe()
    workflows.push({ workflowId, text: `${textOf(described.raw)}\n${textOf(await handle.fetchHistory())}` })
  }

  const temporal = workflows.map(({ text }) => text).join('\n')
  const around = [
    ...[edge.agent, edge.worker, edge.haproxy].map((one) => readFileSync(one?.logFile ?? '', 'latin1')),
    await (await fetch(`${edge.adminUrl}/status`)).text(),
    await (await fetch(`${edge.adminUrl}/metrics`)).text(),
  ].join('\n')

  const secrets = {
    ...CANARIES,
    signingKey: keyPem.split('\n')[1] ?? '',
    ...Object.fromEntries(
      Object.entries(tokens).flatMap(([who, token]) =>
        token
          .split('.')
          .slice(1)
          .map((segment, i) => [`${who}'s token, part ${i + 1}`, segment]),
      ),
    ),
  }
  for (const [what, secret] of Object.entries(secrets)) {
    expect(secret.length, what).toBeGreaterThan(12)
    expect(temporal.includes(secret), `${what} in Temporal`).toBe(false)
    // HAProxy's own log holds the request line, and whoever puts secrets there has them there.
    if (what !== 'query') expect(around.includes(secret), `${what} in logs, status or metrics`).toBe(false)
  }

  // The search finds what is there: the envelope's inside, and who signed.
  expect(temporal).toContain('"typ":"haproxy-temporal-actor+jwt"')
  expect(temporal).toContain('actor-envelope')
  // And with pseudonyms nothing names the callers, workflow ids included.
  expect(temporal).not.toMatch(/"subject":"(buyer|viewer)"|order-inquiry\/viewer|"tenant":"(acme|globex)"/)
  expect(workflows.some(({ workflowId }) => /^order-inquiry\/k1\.[\w-]{22}$/.test(workflowId))).toBe(true)
})
