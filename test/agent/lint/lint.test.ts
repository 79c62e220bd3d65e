import { describe, expect, it } from 'vitest'
import { haproxyEnvironment, HaproxyFile } from '../../../agent/lint/haproxy-file.ts'
import { both, findings, replace } from './shipped.ts'

describe('the linter', () => {
  it.each(['2.6', '3.0', '3.2', 'any'])('finds nothing in the shipped files, for HAProxy %s', (version) => {
    expect(findings({ version })).toEqual([])
  })

  it('finds a route to a backend that is not there', () => {
    const [found] = findings({ haproxy: (text) => text.replace('backend orders', 'backend ordres') })
    expect(found).toMatchObject({ code: 'HAPROXY_BACKEND_MISSING', hint: 'Did you mean "ordres"?' })
    expect(found?.source).toContain('route: orders')
  })

  it('finds a deadline that HAProxy does not wait for', () => {
    expect(findings({ env: { SPOE_PROCESSING_TIMEOUT: '30ms' } })).toMatchObject([
      { code: 'SPOE_DEADLINE', severity: 'error' },
    ])
    expect(
      findings({ haproxy: (text) => text.replace('SPOE_PROCESSING_TIMEOUT 50ms', 'SPOE_PROCESSING_TIMEOUT 20') }),
    ).toMatchObject([{ code: 'SPOE_DEADLINE' }])
    expect(findings({ spoe: (text) => text.replace(/timeout processing.*/, '') })).toMatchObject([
      { code: 'SPOE_DEADLINE', file: 'spoe.conf' },
    ])
  })

  it('compares the frames of HAProxy with those that the agent takes', () => {
    const agent = (size: number) => replace(/^spop:$/, `spop:\n  maxFrameSize: ${size}`)
    const haproxy = replace(/^global$/, 'global\n    tune.bufsize 131072')
    const spoe = replace('option dontlog-normal', 'max-frame-size 131000')
    expect(findings({ agent: agent(131_072), haproxy })).toEqual([])
    expect(findings({ agent: agent(131_000), haproxy, spoe })).toEqual([])
    expect(findings({ agent: agent(100_000), haproxy, spoe })).toMatchObject([
      {
        code: 'SPOE_FRAME_SIZE',
        severity: 'warning',
        file: 'spoe.conf',
        message: expect.stringContaining('frames of 131000 bytes, and the agent takes 100000'),
        hint: 'Write "spop: { maxFrameSize: 131000 }" in agent.yaml, or "max-frame-size 100000" in the spoe-agent.',
      },
    ])
    expect(findings({ haproxy })).toMatchObject([{ file: 'haproxy.cfg', hint: expect.stringContaining('131068') }])
  })

  it('says what HAProxy 2.6 does without pipelining, as nothing else would', () => {
    const spoe = replace(/^ *option pipelining$/, '    no option pipelining')
    const found = findings({ spoe, version: '2.6' })
    expect(new Set(found.map(({ code }) => code))).toEqual(new Set(['SPOE_NO_PIPELINING']))
    for (const { hint } of found) expect(hint).toContain('2.6.12 forgets questions')
  })

  it('finds a message that is never sent', () => {
    expect(findings({ spoe: (text) => text.replace('messages check outcome', 'messages outcome') })).toMatchObject([
      { code: 'SPOE_MESSAGE_MISSING', message: 'the message "check" is never sent' },
    ])
    expect(findings({ spoe: (text) => text.replace('event on-frontend-http-request', '') })).toMatchObject([
      { code: 'SPOE_MESSAGE_MISSING' },
    ])
  })

  it('lets go without the outcome message', () => {
    const spoe = both(
      replace('messages check outcome', 'messages check'),
      replace(/spoe-message outcome\n.*\n.*\n/, ''),
    )
    expect(findings({ spoe })).toEqual([])
  })

  it('finds an argument that the rules need', () => {
    expect(findings({ spoe: (text) => text.replace('auth_count=req.fhdr_cnt(authorization)', '') })).toMatchObject([
      { code: 'SPOE_ARGUMENT_MISSING', message: expect.stringContaining('"auth_count"') },
    ])
  })

  it('finds a variable that HAProxy would drop', () => {
    const found = findings({
      spoe: (text) => text.replace(' event_id workflow_id', ' workflow_id'),
      haproxy: (text) => text.replace('txn.temporal.event_id', 'txn.other'),
    })
    expect(found).toMatchObject([
      { code: 'SPOE_VARIABLE_UNREGISTERED', message: expect.stringContaining('"event_id"') },
    ])
    const plan = findings({ haproxy: (text) => text.replaceAll('txn.temporal.plan', 'txn.plan') })
    expect(plan).toMatchObject([{ code: 'SPOE_VARIABLE_UNREGISTERED', file: expect.stringContaining('agent.yaml') }])
  })
})

describe('a file in HAProxy syntax', () => {
  const words = (line: string): string[] =>
    new HaproxyFile('x', `global\n${line}`, { A: '1' }).sections[0]?.lines[0]?.words.map((word) => word.text) ?? []

  it.each([
    ['log stdout  local0', ['log', 'stdout', 'local0']],
    ['a "b c" d', ['a', 'b c', 'd']],
    ['a \'b "$A" # c\' d # comment', ['a', 'b "$A" # c', 'd']],
    ['a b\\ c \\# d', ['a', 'b c', '#', 'd']],
    ['a "x${A}y" "$A" "${B}" $A', ['a', 'x1y', '1', '', '$A']],
  ])('%j is read as HAProxy reads it', (line, expected) => {
    expect(words(line)).toEqual(expected)
  })

  it('knows the column of each word', () => {
    const file = new HaproxyFile('x', 'global\n  log  "a b" c', {})
    expect(file.sections[0]?.lines[0]?.words.map((word) => word.column)).toEqual([3, 8, 14])
  })

  it('takes presetenv only where the environment says nothing', () => {
    const text = 'global\n presetenv A 1\n presetenv B 2\n setenv C 3'
    expect(haproxyEnvironment(text, { A: '9', C: '9' })).toEqual({ A: '9', B: '2', C: '3' })
  })
})
