import { describe, expect, it } from 'vitest'
import { type Edit, findings, replace } from './shipped.ts'

const ARGS = '    args auth=req.fhdr(authorization) auth_count=req.fhdr_cnt(authorization)\n    event on-frontend'
const args = (more: string): Edit => replace(ARGS, `    args ${more}\n${ARGS}`)
const global =
  (...lines: string[]): Edit =>
  (text) =>
    text.replace(/^global$/m, ['global', ...lines].join('\n    '))

describe('where certificates do not fit beside a request', () => {
  it.each([
    ['cert=ssl_c_der', [], 17_408, 16_348],
    ['cert=ssl_c_der,base64', [], 18_091, 16_348],
    ['cert=ssl_c_der chain=ssl_c_chain_der', [], 23_552, 16_348],
    ['chain=ssl_c_chain_der', ['tune.bufsize 32k', 'tune.maxrewrite 4096'], 34_816, 32_732],
  ])('%s says how much they are, and what it takes is enough, beside %j', (more, lines, bytes, room) => {
    const spoe = args(more)
    const [found, ...others] = findings({ spoe, haproxy: global(...lines) })
    expect(others).toEqual([])
    expect(found).toMatchObject({
      code: 'SPOE_FRAME_OVERFLOW',
      message: `a request and certificates beside it may fill ${bytes} bytes, and a frame holds ${room}`,
    })
    const settings = Array.from(found?.hint.matchAll(/"(tune\.\w+ \d+)"/g) ?? [], ([, setting = '']) => setting)
    expect(settings).toHaveLength(2)
    expect(findings({ spoe, haproxy: global(...settings) })).toEqual([])
  })

  it('a frame that spoe.conf makes smaller is not said to be a matter of buffers', () => {
    const small = (text: string): string =>
      replace(/^ {4}option dontlog-normal$/, '    max-frame-size 16000')(args('cert=ssl_c_der')(text))
    const [found] = findings({ spoe: small })
    expect(found).toMatchObject({ code: 'SPOE_FRAME_OVERFLOW', hint: expect.stringContaining('"max-frame-size" out') })
  })
})

describe('of a response', () => {
  it('it is said that it is one', () => {
    const spoe = replace('server=srv_name', 'server=srv_name all=res.hdrs type=res.hdr(content-type)')
    expect(findings({ spoe })).toMatchObject([
      { message: 'the same part of a response is sent 2 times here: up to 30720 bytes, and a frame holds 16348' },
    ])
  })
})
