import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { waitUntil } from '../../agent/dev/process.ts'
import { echoOf, type EdgeResponse, reasonOf } from '../../agent/dev/request.ts'
import {
  ALICE,
  AUDIENCE_HEADER,
  credentialOf,
  DEPLOYER,
  HOST,
  presign,
  type PresignOptions,
} from '../agent/identity/aws/support/client.ts'
import { caller, type FakeSts, type Principal, startFakeSts } from '../agent/identity/aws/support/fake-sts.ts'
import { checkFiles } from '../support/command.ts'
import { codeBlock, codeBlocks, docsPage, replaced } from '../support/docs.ts'
import { bearer, type Edge, HAPROXY_VERSIONS, NO_TEMPORAL, outcomeOf, startEdge } from '../support/edge.ts'
import { newFolder, removeFolder } from '../support/folder.ts'
import { type ConfigFiles, onFreePorts, shipped, withArguments, writeConfigFiles } from '../support/shipped-files.ts'

const page = docsPage('identity/aws.md')
const AUDIENCE = 'orders.example.com'

/** Who else has keys of AWS. */
const ops: Principal = {
  accessKeyId: 'AKIAOPSEXAMPLE000001',
  secretAccessKey: 'secret-canary-of-ops',
  account: '111122223333',
  arn: 'arn:aws:iam::111122223333:user/ops/bob',
  userId: 'AIDAEXAMPLEOPS000001',
}
const stranger: Principal = {
  ...DEPLOYER,
  accessKeyId: 'ASIASTRANGEREXAMPLE1',
  account: '999999999999',
  arn: 'arn:aws:sts::999999999999:assumed-role/deploy-orders/ci-run-7',
  userId: 'AROAEXAMPLESTRANGER1:ci-run-7',
}
const ended: Principal = { ...DEPLOYER, accessKeyId: 'ASIAENDEDEXAMPLE0001' }

/**
 * The examples of the page in one agent.yaml: the first as it stands, the one of `aws eks get-token` and the one of replays
 * beside it under names and paths of their own. Only where STS is differs.
 */
function agentYaml(sts: FakeSts): string {
  const examples = codeBlocks(page, 'yaml')
  const [main = ''] = examples
  const named = (name: string, of: string): { provider: string; rule: string } => {
    const example = examples.find((text) => text.includes(of)) ?? ''
    const [, provider = '', rule = ''] = /^ {2}providers:\n(.*)^rules:\n(.*)/ms.exec(example) ?? []
    const renamed = replaced(replaced(rule, 'name: deploy', `name: ${name}`), '/deployments/', `/${name}/`)
    return {
      provider: replaced(provider, 'machines:', `${name}:`),
      rule: replaced(renamed, 'require: machines', `require: ${name}`),
    }
  }
  const [eks, once] = [named('eks', 'x-k8s-aws-id'), named('once', 'oneTime: true')]
  const both = '  - { name: both, match: { path: "/both/**" }, identity: { require: [machines, once] } }\n'
  const all = replaced(main, /^rules:\n/m, `${eks.provider}${once.provider}rules:\n${both}${eks.rule}${once.rule}`)
  const here = `      endpoints: { ${HOST}: "${sts.origin}" }\n      caFile: "${sts.caFile}"\n`
  return onFreePorts(all.replaceAll('      kind: aws\n', `      kind: aws\n${here}`))
}

/** Where haproxy.cfg has them. */
const TIMES =
  /^ *presetenv SPOE_PROCESSING_TIMEOUT 50ms\n.*\n *presetenv SPOE_AGAIN_TIMEOUT .*\n *presetenv SPOE_AGAIN_WITHIN_MS .*\n/m

/** The shipped files with the lines that the page adds. */
function writeFiles(folder: string, sts: FakeSts): ConfigFiles {
  const waits = codeBlock(page, 'haproxy')
  const argument = codeBlocks(page, '').find((text) => text.includes('h_x_aws_identity')) ?? ''
  return writeConfigFiles(folder, {
    config: agentYaml(sts),
    haproxy: replaced(shipped('haproxy.cfg'), TIMES, waits),
    spoe: withArguments(shipped('spoe.conf'), argument),
  })
}

describe.each(HAPROXY_VERSIONS)('presigned GetCallerIdentity through HAProxy %s', (version) => {
  let folder: string
  let sts: FakeSts
  let files: ConfigFiles
  let edge: Edge
  let made = 0

  beforeAll(async () => {
    folder = newFolder()
    sts = await startFakeSts([HOST], Date.now)
    for (const one of [DEPLOYER, ALICE, ops, stranger, ended]) sts.principals.set(one.accessKeyId, one)
    sts.ended.add(ended.accessKeyId)
    files = writeFiles(folder, sts)
    edge = await startEdge(version, {
      ...files,
      temporalAddress: NO_TEMPORAL,
      worker: false,
    })
  })
  afterAll(async () => {
    await edge?.stop()
    await sts?.[Symbol.asyncDispose]()
    removeFolder(folder)
  })

  /** Another credential each time, also within the second that a date of AWS has. */
  const credential = (principal: Principal = DEPLOYER, options: Partial<PresignOptions> = {}): string =>
    credentialOf(
      presign(principal, {
        now: Date.now(),
        headers: { [AUDIENCE_HEADER]: AUDIENCE },
        expires: String(60 + (made++ % 840)),
        ...options,
      }),
    )
  const post = (path: string, headers: Readonly<Record<string, string | readonly string[]>>): Promise<EdgeResponse> =>
    edge.send({ method: 'POST', path, headers })
  const deploy = (token: string): Promise<unknown[]> => outcomeOf(post('/deployments/7', bearer(token)))

  it('"check" finds nothing to say of the examples, with the times that they have', async () => {
    const times = { SPOP_DEADLINE: undefined, SPOE_PROCESSING_TIMEOUT: undefined }
    expect(await checkFiles(files, { ...edge.env, ...times })).toMatchObject({ ok: true, problems: [] })
  })

  it('a role is let in, and the server behind is told who it is, whatever the client says of himself', async () => {
    const before = sts.requests.length
    const token = credential()
    const forged = { 'x-identity-subject': 'root', x_identity_roles: 'admin', 'x-identity-plan': 'gold' }
    const response = await post('/deployments/7', { ...bearer(token), ...forged })
    expect(response.status).toBe(200)
    expect(echoOf(response)?.upstream).toBe('app')
    expect(echoOf(response)?.identity).toEqual({
      'x-identity-subject': 'arn:aws:iam::111122223333:role/deploy-orders',
      'x-identity-issuer': 'aws',
      'x-identity-tenant': '111122223333',
      'x-identity-roles': 'deployer',
    })
    expect(await edge.logged(response)).toMatchObject({ decision: 'allow', reason: 'ok', rule: 'deploy' })
    // What STS said counts for a minute.
    for (let i = 0; i < 3; i++) expect(await deploy(token)).toEqual([200, 'ok'])
    expect(sts.requests.slice(before)).toMatchObject([{ servername: HOST, headers: { [AUDIENCE_HEADER]: AUDIENCE } }])
  })

  it.each<[string, () => string, number, string]>([
    ['whose audience is not signed', () => credential(DEPLOYER, { headers: {} }), 401, 'claim_missing'],
    ['signed six minutes ago', () => credential(DEPLOYER, { now: Date.now() - 360_000 }), 401, 'expired'],
    [
      'signed by a clock two minutes ahead',
      () => credential(DEPLOYER, { now: Date.now() + 120_000 }),
      401,
      'issued_in_future',
    ],
    [
      'for STS of a region that is not listed',
      () => credential(DEPLOYER, { host: 'sts.us-west-2.amazonaws.com' }),
      401,
      'unknown_issuer',
    ],
    [
      'for a host that only looks like STS',
      () => credential(DEPLOYER, { host: `${HOST}.evil.example` }),
      401,
      'unknown_issuer',
    ],
    [
      'of another action',
      () =>
        credential(DEPLOYER, {
          parameters: [
            ['Action', 'AssumeRole'],
            ['Version', '2011-06-15'],
          ],
        }),
      400,
      'malformed_token',
    ],
    [
      'with a parameter more',
      () => credentialOf(`${presign(DEPLOYER, { now: Date.now() })}&RoleArn=x`),
      400,
      'malformed_token',
    ],
    ['over 4096 bytes', () => `aws-gci-v1.${'x'.repeat(4096)}`, 400, 'token_too_large'],
    ['that is a signed token', () => 'eyJhbGciOiJub25lIn0.e30.', 400, 'malformed_token'],
  ])('a credential %s is refused, and STS hears of none', async (_what, make, status, reason) => {
    const before = sts.requests.length
    expect(await deploy(make())).toEqual([status, reason])
    expect(sts.requests).toHaveLength(before)
  })

  it.each<[string, () => string, number, string]>([
    ['of another account', () => credential(stranger), 401, 'claim_invalid'],
    ['of a user that is not listed', () => credential(ALICE), 401, 'claim_invalid'],
    ['of a user that is listed and may not deploy', () => credential(ops), 403, 'default_denied'],
    [
      'for another service',
      () => credential(DEPLOYER, { headers: { [AUDIENCE_HEADER]: 'payments.example.com' } }),
      401,
      'signature_invalid',
    ],
    [
      'signed with another secret',
      () => credential(DEPLOYER, { secretAccessKey: 'guessed' }),
      401,
      'signature_invalid',
    ],
    [
      'of a key that AWS does not know',
      () => credential({ ...ops, accessKeyId: 'AKIANOBODYEXAMPLE001' }),
      401,
      'signature_invalid',
    ],
    ['of a session that has ended', () => credential(ended), 401, 'expired'],
  ])('a credential %s is refused on the word of STS, asked once', async (_what, make, status, reason) => {
    const [before, token] = [sts.requests.length, make()]
    for (let i = 0; i < 2; i++) {
      const response = await post('/deployments/7', bearer(token))
      expect([response.status, reasonOf(response)]).toEqual([status, reason])
      const challenge = response.headers['www-authenticate']
      if (status === 401) expect(challenge).toMatch(/^Bearer realm="haproxy-temporal", error="invalid_token"/)
    }
    expect(sts.requests).toHaveLength(before + 1)
  })

  it('a request without a credential, and one with two, are refused', async () => {
    const [first, second] = [credential(), credential()]
    const twice = { authorization: [`Bearer ${first}`, `Bearer ${second}`] }
    expect(await outcomeOf(post('/deployments/7', {}))).toEqual([401, 'no_credentials'])
    expect(await outcomeOf(post('/deployments/7', twice))).toEqual([400, 'multiple_credentials'])
    const joined = { authorization: `Bearer ${first}, Bearer ${second}` }
    expect(await outcomeOf(post('/deployments/7', joined))).toEqual([400, 'multiple_credentials'])
    expect(await outcomeOf(post('/once/7', { 'x-aws-identity': [first, second] }))).toEqual([
      400,
      'multiple_credentials',
    ])
    // Either place is right here, both are not, not even with one and the same credential.
    const beside = { ...bearer(first), 'x-aws-identity': first }
    expect(await outcomeOf(post('/both/7', beside))).toEqual([400, 'multiple_credentials'])
    expect(await outcomeOf(post('/both/7', bearer(first)))).toEqual([200, 'ok'])
  })

  it('the credential of `aws eks get-token` is let in by the provider that asks for its header', async () => {
    const headers = { 'x-k8s-aws-id': AUDIENCE }
    const token = credentialOf(presign(DEPLOYER, { now: Date.now(), headers }), 'k8s-aws-v1.')
    const response = await post('/eks/7', bearer(token))
    expect(response.status).toBe(200)
    expect(echoOf(response)?.identity).toEqual({
      'x-identity-subject': 'arn:aws:iam::111122223333:role/deploy-orders',
      'x-identity-issuer': 'aws',
    })
    expect(await deploy(token)).toEqual([401, 'claim_missing'])
  })

  describe('a credential for one request', () => {
    const bound = (method: string, path: string): string =>
      credential(DEPLOYER, {
        headers: { [AUDIENCE_HEADER]: AUDIENCE, 'x-orders-method': method, 'x-orders-path': path },
      })
    const once = (path: string, token: string): Promise<unknown[]> => outcomeOf(post(path, { 'x-aws-identity': token }))

    it('counts once', async () => {
      const token = bound('POST', '/once/7')
      expect(await once('/once/7', token)).toEqual([200, 'ok'])
      expect(await once('/once/7', token)).toEqual([401, 'replayed'])
      expect(await once('/once/7?again', token)).toEqual([401, 'replayed'])
    })

    it('counts once when it is sent many times at once', async () => {
      const token = bound('POST', '/once/8')
      const all = await Promise.all(Array.from({ length: 10 }, () => once('/once/8', token)))
      expect(all.filter(([status]) => status === 200)).toHaveLength(1)
      expect(all.filter(([status]) => status !== 200)).toEqual(Array.from({ length: 9 }, () => [401, 'replayed']))
    })

    it('is good for no other path, no other method, and must be bound', async () => {
      expect(await once('/once/9', bound('POST', '/once/7'))).toEqual([401, 'signature_invalid'])
      expect(await once('/once/9', bound('GET', '/once/9'))).toEqual([401, 'signature_invalid'])
      expect(await once('/once/9', credential())).toEqual([401, 'binding_missing'])
    })

    it('is too old after a minute', async () => {
      const headers = { [AUDIENCE_HEADER]: AUDIENCE, 'x-orders-method': 'POST', 'x-orders-path': '/once/7' }
      const old = credential(DEPLOYER, { now: Date.now() - 90_000, headers })
      expect(await once('/once/7', old)).toEqual([401, 'expired'])
    })
  })

  it('without STS nobody new gets in, 503 and Retry-After; who is known stays; then all is well again', async () => {
    const known = credential()
    expect(await deploy(known)).toEqual([200, 'ok'])
    const fresh = credential(ops)
    const troubles: Parameters<FakeSts['answerWith']>[0][] = [
      (_request, response) => void response.writeHead(503).end(),
      (request) => void request.socket.destroy(),
    ]
    for (const trouble of troubles) {
      sts.answerWith(trouble)
      const response = await post('/deployments/7', bearer(credential()))
      expect([response.status, reasonOf(response)]).toEqual([503, 'sts_unavailable'])
      expect(response.headers['retry-after']).toBe('1')
      expect(response.headers['www-authenticate']).toBeUndefined()
    }
    expect(await deploy(fresh)).toEqual([503, 'sts_unavailable'])
    expect(await deploy(known)).toEqual([200, 'ok'])
    sts.answerWith()
    // Known to STS, and not let in by the rule: the answer is about the caller again.
    await waitUntil('STS to be asked again', async () => (await deploy(fresh))[0] === 403)
    expect(await deploy(credential())).toEqual([200, 'ok'])
  })

  it('nothing of a credential stands in a log or in what the agent tells of itself', async () => {
    const told = ['/status', '/metrics'].map(async (path) => (await fetch(edge.adminUrl + path)).text())
    const logs = [edge.haproxy.logFile, edge.agent.logFile].map((file) => readFileSync(file, 'utf8'))
    for (const output of [...(await Promise.all(told)), ...logs]) {
      expect(output).not.toMatch(/canary|X-Amz-|aws-gci-v1|k8s-aws-v1/)
    }
  })
})

describe.each(HAPROXY_VERSIONS)('with less time than STS takes, behind HAProxy %s', (version) => {
  it('the first request is 503, and the next one passes with what STS said meanwhile', async () => {
    const folder = newFolder()
    await using sts = await startFakeSts([HOST], Date.now)
    sts.principals.set(DEPLOYER.accessKeyId, DEPLOYER)
    const edge = await startEdge(version, {
      ...writeFiles(folder, sts),
      env: { SPOP_DEADLINE: '300ms' },
      temporalAddress: NO_TEMPORAL,
      worker: false,
    })
    try {
      let answer = (): void => {}
      sts.answerWith((request, response) => (answer = () => caller(DEPLOYER)(request, response)))
      const headers = bearer(
        credentialOf(presign(DEPLOYER, { now: Date.now(), headers: { [AUDIENCE_HEADER]: AUDIENCE } })),
      )
      const deploy = (): Promise<EdgeResponse> => edge.send({ method: 'POST', path: '/deployments/7', headers })
      const first = await deploy()
      expect([first.status, reasonOf(first), first.headers['retry-after']]).toEqual([503, 'timeout', '1'])
      await waitUntil('STS to be asked', async () => sts.requests.length === 1)
      answer()
      await waitUntil('the answer of STS to be known', async () => (await deploy()).status === 200)
      expect(sts.requests).toHaveLength(1)
    } finally {
      await edge.stop()
      removeFolder(folder)
    }
  })
})
