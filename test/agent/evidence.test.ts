import type { MessageView } from 'node-spoe'
import { describe, expect, it } from 'vitest'
import { EvidenceReader, extraArguments, requestNeeds } from '../../agent/evidence.ts'

const PROVIDERS = { headers: ['cookie'], certificate: false, body: false, bodyHeaders: [] }
const RULES = { headers: ['x-a', 'cookie'], connection: ['sni', 'tlsVersion'] as const, others: [] }
const NEEDS = requestNeeds(PROVIDERS, RULES)

function viewOf(args: Readonly<Record<string, unknown>>): MessageView<Record<string, never>> {
  const type = (name: string): number | undefined => (name in args ? 8 : undefined)
  return { get: (name: string) => args[name], type } as unknown as MessageView<Record<string, never>>
}

describe('what HAProxy has to send', () => {
  it('is what providers and rules read together, each once', () => {
    expect(NEEDS.headers).toEqual(['cookie', 'x-a'])
    expect(extraArguments(NEEDS).check.map(({ name, fetch }) => `${name}=${fetch}`)).toEqual([
      'h_cookie=req.fhdr(cookie)',
      'n_cookie=req.fhdr_cnt(cookie)',
      'h_x_a=req.fhdr(x-a)',
      'n_x_a=req.fhdr_cnt(x-a)',
      'sni=ssl_fc_sni',
      'tls_version=ssl_fc_protocol',
    ])
  })

  it('of a connection is nothing that only requests have', () => {
    expect(extraArguments(NEEDS).connect.map(({ name }) => name)).toEqual(['sni', 'tls_version'])
    const withCertificate = extraArguments({ ...NEEDS, certificate: true }).connect.map(({ name }) => name)
    expect(withCertificate).toEqual(['cert', 'cert_used', 'cert_verify', 'sni', 'tls_version'])
  })
})

describe('the evidence of a request', () => {
  const reader = new EvidenceReader(NEEDS, 'check')
  const ARGS = {
    id: 'r-1',
    method: 'GET',
    auth_count: 0,
    path: '/',
    src: '192.0.2.1',
    tls: true,
    h_cookie: undefined,
    n_cookie: 0,
    h_x_a: undefined,
    n_x_a: 0,
    sni: undefined,
    tls_version: undefined,
  }

  it.each([
    ['there is none', undefined],
    ['its format comes to nothing', ''],
  ])("has a name of our own, each request another, where HAProxy's is missing: %s", (_, id) => {
    const ids = [1, 2].map(() => reader.read(viewOf({ ...ARGS, id })).requestId)
    expect(new Set(ids).size).toBe(2)
    expect(ids).not.toContain('')
    const connections = new EvidenceReader(NEEDS, 'connect')
    expect(connections.read(viewOf({ ...ARGS, id })).requestId).not.toBe('')
  })

  it('has the header fields that rules read, with their number', () => {
    const { headers } = reader.read(viewOf({ ...ARGS, h_x_a: '', n_x_a: 2 }))
    expect([...headers]).toEqual([['x-a', { value: '', count: 2 }]])
  })

  it.each(['n_x_a', 'h_x_a', 'n_cookie', 'sni', 'tls_version'])(
    'is none without %s, which rules read: a rule that refuses by it would be skipped',
    (missing) => {
      const { [missing as keyof typeof ARGS]: _, ...args } = ARGS
      expect(() => reader.read(viewOf(args))).toThrow(`does not send "${missing}"`)
    },
  )

  it('has the facts of the connection, empty where there are none', () => {
    expect(reader.read(viewOf({ ...ARGS, sni: 'a.example.com', tls_version: 'TLSv1.3' }))).toMatchObject({
      sni: 'a.example.com',
      tlsVersion: 'TLSv1.3',
      alpn: '',
    })
  })
})

describe('the evidence of a connection', () => {
  it('has no request, whatever else is sent', () => {
    const reader = new EvidenceReader({ ...NEEDS, certificate: true }, 'connect')
    const args = {
      id: 'c-1',
      src: '10.0.0.1',
      tls: true,
      sni: 'a',
      tls_version: undefined,
      method: 'GET',
      path: '/x',
      auth: 'Bearer x',
      h_x_a: 'a',
    }
    const evidence = reader.read(viewOf({ ...args, cert_used: true, cert: Buffer.of(1), cert_verify: 0 }))
    expect(evidence).toMatchObject({
      requestId: 'c-1',
      method: '',
      path: '',
      source: '10.0.0.1',
      sni: 'a',
      authorization: undefined,
      certificate: { verify: 0 },
    })
    expect(evidence.headers.size).toBe(0)
  })

  it.each([undefined, ''])('has an id of its own where HAProxy sends %j', (id) => {
    const reader = new EvidenceReader(NEEDS, 'connect')
    const args = { sni: undefined, tls_version: undefined, id }
    expect(reader.read(viewOf(args)).requestId).not.toBe(reader.read(viewOf(args)).requestId)
  })
})
