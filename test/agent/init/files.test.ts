import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { parse } from 'yaml'
import { agentSchema } from '../../../agent/config/json-schema.ts'
import { ConfigError } from '../../../agent/config/problem.ts'
import { ensureCertificates } from '../../../agent/dev/certificates.ts'
import type { Answers } from '../../../agent/init/answers.ts'
import { filesFor, writeFiles } from '../../../agent/init/files.ts'
import { check } from '../../../agent/lint/check.ts'
import { parseVersion } from '../../../agent/lint/version.ts'
import { HAPROXY_VERSIONS, haproxyBinary } from '../../support/edge.ts'
import { newFolder, removeFolder, tempFolder } from '../../support/folder.ts'

function answers(
  preset: Answers['preset'],
  settings: Readonly<Record<string, string[]>>,
  others: Partial<Answers> = {},
): Answers {
  return { preset, settings: new Map(Object.entries(settings)), protect: ['/api/**'], open: ['/healthz'], ...others }
}

const OIDC = { issuer: ['https://id.example.com'], audience: ['orders-api'] }
const OKTA = { issuer: ['https://acme.okta.com/oauth2/aus1a2b3c4d5e6f7g8h9'], audience: ['api://orders'] }
const CLUSTER = 'https://oidc.eks.eu-west-1.amazonaws.com/id/D48675832CA65BD10A532F5970A1B2C3'

const COMBINATIONS: readonly (readonly [name: string, Answers])[] = [
  ['oidc', answers('oidc', OIDC)],
  ['oidc of one host', answers('oidc', OIDC, { host: 'api.example.com', workflow: 'requestHook' })],
  ['oidc of all hosts below a name', answers('oidc', OIDC, { host: '*.example.com', upstream: '10.0.0.7:8080' })],
  ['oidc with nothing for everybody', answers('oidc', OIDC, { open: [] })],
  ['oidc with everything protected', answers('oidc', OIDC, { protect: ['/**'], open: ['/', '/healthz', '/docs/**'] })],
  ['oidc with patterns', answers('oidc', OIDC, { protect: ['/a/{id}/**', '/b/*'], open: ['/c/*/d', '/e%20f'] })],
  ['oidc with two audiences', answers('oidc', { ...OIDC, audience: ['a: b', 'https://a.example.com#x'] })],
  [
    'oidc from the environment',
    answers('oidc', { issuer: ['${OIDC_ISSUER:-https://a.example.com}'], audience: ['${AUDIENCE:-a}'] }),
  ],
  ['okta and signals', answers('okta', OKTA, { workflow: 'auditTrail' })],
  ['okta and meters', answers('okta', { ...OKTA, clients: ['0oa1'] }, { workflow: 'usageMeter' })],
  [
    'entra',
    answers('entra', {
      tenants: ['72f988bf-86f1-41af-91ab-2d7cd011db47'],
      audience: ['6731de76-14a6-49ae-97bc-6eba6914391e'],
    }),
  ],
  ['auth0', answers('auth0', { issuer: ['https://acme.eu.auth0.com/'], audience: ['https://orders.acme.example'] })],
  [
    'google',
    answers('google', {
      hostedDomains: ['acme.example'],
      audience: ['407408718192-a1b2c3.apps.googleusercontent.com'],
    }),
  ],
  ['google by address', answers('google', { emails: ['*@acme.iam.gserviceaccount.com'], audience: ['a'] })],
  ['keycloak', answers('keycloak', { issuer: ['https://id.acme.example/realms/acme'], audience: ['orders-api'] })],
  [
    'github-actions',
    answers('github-actions', { repositories: ['acme/shop', 'acme/orders-*'], audience: ['https://d.example'] }),
  ],
  [
    'aws-sts',
    answers('aws-sts', { 'accounts.123456789012': ['https://a1b2.tokens.sts.global.api.aws'], audience: ['a'] }),
  ],
  ['eks', answers('eks', { issuer: [CLUSTER], audience: ['https://orders.acme.example'] })],
  ['kubernetes', answers('kubernetes', { issuer: ['https://kubernetes.default.svc.cluster.local'], audience: ['a'] })],
  ['cognito', answers('cognito', { userPool: ['eu-west-1_AbCdEfGhI'], clients: ['1h57kf5cpq17m0eml12EXAMPLE'] })],
]

const validate = new Ajv2020({ strictRequired: false }).compile<unknown>(agentSchema())

describe('the files of', () => {
  const folder = newFolder()
  beforeAll(async () => {
    vi.stubEnv('TLS_CERT', (await ensureCertificates(join(folder, 'tls'))).edge)
  })
  afterAll(() => {
    vi.unstubAllEnvs()
    removeFolder(folder)
  })

  it.each(COMBINATIONS)('%s have nothing wrong, says check with HAProxy 2.6, 3.0 and 3.2', (name, given) => {
    const target = join(folder, name.replaceAll(' ', '-'))
    writeFiles(target, filesFor(given), false)
    const path = (file: string): string => join(target, file)
    for (const version of HAPROXY_VERSIONS) {
      vi.stubEnv('HAPROXY', haproxyBinary(version))
      const { problems, haproxy } = check({
        config: path('agent.yaml'),
        haproxy: path('haproxy.cfg'),
        spoe: path('spoe.conf'),
        haproxyVersion: parseVersion(version),
      })
      expect(problems).toEqual([])
      expect(haproxy).toContain(version)
    }
    expect(validate(parse(readFileSync(path('agent.yaml'), 'utf8'))), JSON.stringify(validate.errors)).toBe(true)
  })
})

const textOf = (given: Answers, file: string): string => filesFor(given).find(({ name }) => name === file)?.text ?? ''

it('rules are those of the answers, in their order', () => {
  const given = answers('oidc', OIDC, {
    host: 'api.example.com',
    open: ['/healthz', '/docs/**'],
    workflow: 'auditTrail',
  })
  expect(parse(textOf(given, 'agent.yaml'))).toMatchObject({
    identity: { providers: { callers: { preset: 'oidc', issuer: 'https://id.example.com', audience: 'orders-api' } } },
    rules: [
      { name: 'public', match: { path: ['/healthz', '/docs/**'] }, identity: 'none' },
      {
        host: 'api.example.com',
        rules: [
          {
            name: 'protected',
            match: { path: '/api/**' },
            identity: { require: 'callers' },
            workflow: { signal: 'auditTrail', key: 'identity.subject' },
          },
        ],
      },
    ],
    default: { deny: 403 },
  })
})

it('haproxy.cfg lets the public paths pass while the agent is silent, patterns excepted', () => {
  const lines = (open: string[]): string[] =>
    textOf(answers('oidc', OIDC, { open }), 'haproxy.cfg')
      .split('\n')
      .filter((line) => line.includes('acl public_path'))
      .map((line) => line.trim())
  expect(lines(['/healthz', '/docs/**', '/a/*/b', '/x/{id}', '/e%20f'])).toEqual([
    'acl public_path path /healthz',
    'acl public_path path /docs',
    'acl public_path path_beg /docs/',
  ])
  expect(lines([])).toEqual(['acl public_path always_false'])
  expect(lines(['/**'])).toEqual(['acl public_path path_beg /'])
})

it('haproxy.cfg has nothing of the example: its second server and its variable', () => {
  const text = textOf(answers('oidc', OIDC, { upstream: '10.0.0.7:8080' }), 'haproxy.cfg')
  expect(text).not.toMatch(/backend orders|ORDERS|temporal\.plan|Plan|working example/)
  expect(text).toMatch(/^ {4}presetenv APP_SERVER {4}10\.0\.0\.7:8080$/m)
})

it('the server of the example may be the one that is meant', () => {
  const text = textOf(answers('oidc', OIDC, { upstream: '127.0.0.1:9201' }), 'haproxy.cfg')
  expect(text).toBe(textOf(answers('oidc', OIDC), 'haproxy.cfg'))
})

describe('refused', () => {
  it.each([
    [
      'a setting that is missing',
      answers('oidc', { issuer: ['https://a.example.com'] }),
      'the preset oidc needs "audience": --audience',
    ],
    ['a setting of another preset that is missing', answers('entra', { audience: ['a'] }), '--setting tenants=…'],
    ['nothing to protect', answers('oidc', OIDC, { protect: [] }), 'nothing is to be protected'],
    ['a path that is none', answers('oidc', OIDC, { open: ['healthz'] }), '"healthz" is no path'],
    ['a path that would end a line', answers('oidc', OIDC, { open: ['/a\n    acl x'] }), 'is no path'],
    ['a server that is none', answers('oidc', OIDC, { upstream: 'http://a' }), '"http://a" is no server'],
    ['a host that is empty', answers('oidc', OIDC, { host: '' }), 'the host is empty'],
  ])('%s', (_, given, message) => {
    expect(() => filesFor(given)).toThrow(message)
  })

  it.each([
    ['an issuer that is not https', answers('oidc', { ...OIDC, issuer: ['http://id.example.com'] }), 'https'],
    ['an unknown setting', answers('oidc', { ...OIDC, audence: ['a'] }), 'audence'],
    ['a host with a port', answers('oidc', OIDC, { host: 'api.example.com:443' }), 'host name'],
    ['a workflow type that is none', answers('oidc', OIDC, { workflow: '9' }), 'workflow type'],
  ])('%s, as agent.yaml refuses it', (_, given, message) => {
    expect(() => filesFor(given)).toThrow(ConfigError)
    expect(() => filesFor(given)).toThrow(message)
  })
})

it('an answer cannot bring YAML of its own', () => {
  const text = 'a" }\ndefault: { deny: 404 } # \\'
  const audience = parse(textOf(answers('oidc', { ...OIDC, audience: [text] }), 'agent.yaml')) as {
    identity: { providers: { callers: { audience: string } } }
    default: object
  }
  expect(audience.identity.providers.callers.audience).toBe(text)
  expect(audience.default).toEqual({ deny: 403 })
})

describe('writing', () => {
  const files = [
    { name: 'a', text: '1' },
    { name: 'b', text: '2' },
  ]

  it('makes the folder', () => {
    const folder = join(tempFolder(), 'x/y')
    expect(writeFiles(folder, files, false)).toEqual([join(folder, 'a'), join(folder, 'b')])
    expect(readFileSync(join(folder, 'b'), 'utf8')).toBe('2')
  })

  it('overwrites nothing, and writes nothing then', () => {
    const folder = tempFolder()
    mkdirSync(folder, { recursive: true })
    writeFileSync(join(folder, 'b'), 'mine')
    expect(() => writeFiles(folder, files, false)).toThrow(`there is ${join(folder, 'b')} already: --force overwrites`)
    expect(existsSync(join(folder, 'a'))).toBe(false)
    expect(readFileSync(join(folder, 'b'), 'utf8')).toBe('mine')
    writeFiles(folder, files, true)
    expect(readFileSync(join(folder, 'b'), 'utf8')).toBe('2')
  })
})
