import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { inspect } from 'node:util'
import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import { tempFolder } from '../../../support/folder.ts'
import { evidenceOf, headersOf } from '../support/evidence.ts'
import {
  BODY,
  evidenceOfSent,
  NAMED,
  type Named,
  NOW_S,
  SECRETS,
  send,
  SIGNATURE_HEADER,
  webhookOf,
  withHeaders,
} from './support.ts'

/** As strings of a request are: a character for each byte. */
const anyBytes = fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes).toString('latin1'))

describe.each(NAMED)('a delivery of scheme %s', (name) => {
  const settings = { scheme: name, secrets: [SECRETS[name]] }
  const signature = SIGNATURE_HEADER[name]

  it('is accepted, whatever bytes its body has', () => {
    const { reason } = webhookOf(settings)
    for (const body of [
      BODY,
      Buffer.alloc(0),
      Buffer.from([0, 1, 2, 253, 254, 255, 10, 13]),
      Buffer.alloc(15_000, 0xff),
    ]) {
      expect(reason(send(name, body))).toBe('ok')
    }
  })

  it('S1: of another secret is refused', () => {
    const secret =
      name === 'standard' ? `whsec_${Buffer.alloc(24).toString('base64')}` : 'another secret of the same length'
    expect(webhookOf(settings).reason(send(name, BODY, { secret }))).toBe('signature_invalid')
  })

  it('S5: of either secret is accepted during a rotation, with files without a restart', async () => {
    const folder = tempFolder()
    const [current, next] = ['a', 'b'].map((letter) =>
      name === 'standard' ? `whsec_${Buffer.alloc(24, letter).toString('base64')}` : letter.repeat(32),
    ) as [string, string]
    const files = [join(folder, 'current'), join(folder, 'next')] as const
    writeFileSync(files[0], `${current}\n`)
    writeFileSync(files[1], `${current}\n`)
    const { scheme, reason } = webhookOf({ ...settings, secrets: files.map((file) => ({ file })) }, undefined, {
      pollMs: 5,
    })
    scheme.start?.()
    await vi.waitFor(() => expect(scheme.status!().keys).toBe(2))
    expect(reason(send(name, Buffer.from('1'), { secret: current }))).toBe('ok')
    expect(reason(send(name, Buffer.from('2'), { secret: next }))).toBe('signature_invalid')
    writeFileSync(files[1], next)
    await vi.waitFor(() => expect(reason(send(name, Buffer.from('3'), { secret: next }))).toBe('ok'))
    expect(reason(send(name, Buffer.from('4'), { secret: current }))).toBe('ok')
    writeFileSync(files[0], next)
    await vi.waitFor(() => expect(reason(send(name, Buffer.from('5'), { secret: current }))).toBe('signature_invalid'))
  })

  it('S6: whose body did not arrive whole, or of which nobody knows, is refused', () => {
    const { reason, judge } = webhookOf({ ...settings, replay: 'allow' })
    const sent = send(name, BODY)
    const size = BODY.length
    expect(reason(sent, { body: undefined })).toBe('body_truncated')
    expect(reason(sent, { body: { bytes: BODY, size: size + 1 } })).toBe('body_truncated')
    expect(reason(sent, { body: { bytes: BODY.subarray(1), size } })).toBe('body_truncated')
    expect(reason(sent)).toBe('ok')
    // In chunks: HAProxy may have seen the signed part only, with more to come.
    for (const length of ['', String(size + 1), String(size - 1), `+${size}`, ` ${size}`, '0x1d', `${size}.0`, 'NaN']) {
      expect(reason(withHeaders(sent, { 'content-length': length }))).toBe('body_truncated')
    }
    const headers = new Map(headersOf({ ...sent.headers }))
    expect(judge({ ...evidenceOfSent(sent), headers })).toBe('body_truncated')
    headers.set('content-length', { value: String(size), count: 2 })
    expect(judge({ ...evidenceOfSent(sent), headers })).toBe('body_truncated')
  })

  it('S6: over a megabyte is not even looked at', () => {
    expect(webhookOf(settings).reason(send(name, Buffer.alloc(1024 * 1024 + 1)))).toBe('body_truncated')
  })

  it('without Content-Length is accepted where HAProxy has made sure that the body is whole', () => {
    const { judge } = webhookOf({ ...settings, requireLength: false })
    const sent = send(name, BODY)
    expect(judge({ ...evidenceOfSent(sent), headers: headersOf({ ...sent.headers }) })).toBeTypeOf('object')
  })

  it('S7: with an empty signature is refused', () => {
    const { reason } = webhookOf(settings)
    const sent = send(name, BODY)
    const empty = { github: 'sha256=', slack: 'v0=', stripe: `t=${NOW_S},v1=`, standard: 'v1,' }[name]
    expect(reason(withHeaders(sent, { [signature]: empty }))).toBe('signature_invalid')
  })

  it('S7: with an older version of the signature only is refused', () => {
    const { reason } = webhookOf(settings)
    const sent = send(name, BODY)
    const value = sent.headers[signature] ?? ''
    const old = {
      github: value.replace('sha256=', 'sha1='),
      slack: value.replace('v0=', 'v1='),
      stripe: value.replace('v1=', 'v0='),
      standard: value.replace('v1,', 'v0,'),
    }[name]
    expect(reason(withHeaders(sent, { [signature]: old }))).toMatch(/^(signature_invalid|malformed_token)$/)
    expect(reason(withHeaders(sent, { [signature]: 'nonsense' }))).toMatch(/^(signature_invalid|malformed_token)$/)
  })

  it('S8: in capital hexadecimal digits, or another spelling of base64, is refused', () => {
    const { reason } = webhookOf({ ...settings, replay: 'allow' })
    const sent = send(name, BODY)
    const value = sent.headers[signature] ?? ''
    const spellings =
      name === 'standard'
        ? [value.replace('=', ''), `${value}=`, value.replaceAll('+', '-').replace('=', ''), `${value}\t`]
        : [value.replace(/[0-9a-f]{64}/, (hex) => hex.toUpperCase()), `${value}00`, value.slice(0, -2), `${value} `]
    for (const spelling of spellings)
      expect(reason(withHeaders(sent, { [signature]: spelling }))).toBe('signature_invalid')
    expect(reason(sent)).toBe('ok')
  })

  it('S9: without the signature header shows no credentials', () => {
    const { judge, scheme } = webhookOf(settings)
    expect(judge(evidenceOf({ body: { bytes: BODY, size: BODY.length } }))).toBe('no_credentials')
    expect(scheme.needs).toMatchObject({ body: true })
    expect(scheme.needs?.headers).toEqual(expect.arrayContaining([signature, 'content-length']))
  })

  it('with two fields of a name that is signed is refused', () => {
    const { judge } = webhookOf(settings)
    const sent = send(name, BODY)
    for (const header of Object.keys(sent.headers)) {
      const evidence = evidenceOfSent(sent)
      const headers = new Map(evidence.headers)
      headers.set(header, { value: sent.headers[header] ?? '', count: 2 })
      expect(judge({ ...evidence, headers })).toBe('multiple_credentials')
    }
  })

  it('of which any one bit of body or signature, or time or id where they are signed, is another, is refused', () => {
    const { reason } = webhookOf({ ...settings, replay: 'allow' })
    const flip = (text: string, bit: number): string => {
      const bytes = Buffer.from(text, 'latin1')
      bytes[bit >> 3]! ^= 1 << (bit & 7)
      return bytes.toString('latin1')
    }
    const sent = send(name, BODY, { id: 'msg-1' })
    expect(reason(sent)).toBe('ok')
    for (let bit = 0; bit < BODY.length * 8; bit++) {
      const body = Buffer.from(flip(BODY.toString('latin1'), bit), 'latin1')
      expect(reason({ ...sent, body })).toBe('signature_invalid')
    }
    for (const header of Object.keys(sent.headers)) {
      if (name === 'github' && header !== signature) continue // not signed, as the documentation says
      const value = sent.headers[header] ?? ''
      for (let bit = 0; bit < value.length * 8; bit++) {
        expect(reason(withHeaders(sent, { [header]: flip(value, bit) }))).not.toBe('ok')
      }
    }
  })

  it('of any bytes is refused, never thrown at', () => {
    const { judge, scheme } = webhookOf(settings)
    const names = [signature, 'webhook-id', 'webhook-timestamp', 'x-slack-request-timestamp', 'x-github-delivery']
    const value = fc.oneof(
      anyBytes,
      fc.constantFrom('v1,', 'v1a,AA==', 't=1,v1=', 'v0=', 'sha256=', String(NOW_S), 'v1='.repeat(99)),
      fc.stringMatching(/^(t=\d+|v1=[0-9a-f]*|v1,[A-Za-z0-9+/=]*)([ ,](v1=|v1,|v1a,)[0-9A-Za-z=]*)*$/),
    )
    fc.assert(
      fc.property(fc.array(value, { minLength: 5, maxLength: 5 }), fc.uint8Array(), (values, body) => {
        const headers = Object.fromEntries(names.map((header, i) => [header, values[i] ?? '']))
        const result = judge(evidenceOfSent({ headers, body }))
        expect(result).toBeTypeOf('string')
        expect(typeof scheme.recognises(values[0] ?? '')).toBe('boolean')
      }),
      { numRuns: 300 },
    )
  })

  it('cannot be judged without a secret at hand: 503, not ready', async () => {
    const file = join(tempFolder(), 'none')
    const { scheme, reason } = webhookOf({ ...settings, secrets: [{ file }] }, undefined, { pollMs: 5 })
    scheme.start?.()
    await vi.waitFor(() => expect(scheme.status!().lastError).toBe('secret 1: cannot be read (ENOENT)'))
    expect(reason(send(name, BODY))).toBe('secrets_unavailable')
    expect(scheme.ready!()).toBe(false)
    writeFileSync(file, SECRETS[name])
    await vi.waitFor(() => expect(scheme.ready!()).toBe(true))
    expect(reason(send(name, BODY))).toBe('ok')
  })

  it('that the secret at hand did not sign cannot be judged while another one is missing', () => {
    const { reason, scheme } = webhookOf({
      ...settings,
      secrets: [SECRETS[name], { file: join(tempFolder(), 'none') }],
    })
    expect(reason(send(name, BODY))).toBe('ok')
    const secret = name === 'standard' ? `whsec_${Buffer.alloc(24).toString('base64')}` : 'x'.repeat(32)
    expect(reason(send(name, BODY, { secret }))).toBe('secrets_unavailable')
    expect(scheme.ready!()).toBe(true)
  })

  it('is not verified with a short secret', () => {
    const secret = name === 'standard' ? `whsec_${Buffer.alloc(15).toString('base64')}` : 'x'.repeat(15)
    const { reason, scheme } = webhookOf({ ...settings, secrets: [secret] })
    expect(reason(send(name, BODY, { secret }))).toBe('secrets_unavailable')
    expect(scheme.status!().lastError).toBe('secret 1: shorter than 16 bytes')
  })

  it('shows nothing of the secret in results, status and log', async () => {
    const file = join(tempFolder(), 'secret')
    writeFileSync(file, SECRETS[name])
    const { scheme, judge, log } = webhookOf({ ...settings, secrets: [SECRETS[name], { file }] }, undefined, {
      pollMs: 5,
    })
    scheme.start?.()
    await vi.waitFor(() => expect(scheme.status!().keys).toBe(2))
    const outputs = [
      inspect(judge(evidenceOfSent(send(name, BODY))), { depth: 9 }),
      inspect(judge(evidenceOfSent(send(name, BODY, { secret: 'y'.repeat(32) }))), { depth: 9 }),
      JSON.stringify(scheme.status!()),
      inspect(scheme, { depth: 12, showHidden: true }),
      log.lines.join(),
    ]
    for (const output of outputs) {
      expect(output).not.toContain('canary')
      expect(output).not.toContain(SECRETS[name].replace('whsec_', ''))
    }
  })
})

it('the schemes recognise their own signature and no signed token', () => {
  const token = 'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln'
  for (const name of NAMED) {
    const { scheme } = webhookOf({ scheme: name, secrets: [SECRETS[name as Named]] })
    expect(scheme.recognises(send(name, BODY).headers[SIGNATURE_HEADER[name]] ?? '')).toBe(true)
    expect(scheme.recognises(token)).toBe(false)
  }
})
