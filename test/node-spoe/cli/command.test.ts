import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test, vi } from 'vitest'
import { vectors } from '../support/vectors.ts'

// A process for every call, on a machine that may be busy with other tests.
vi.setConfig({ testTimeout: 60_000 })

const BIN = fileURLToPath(new URL('../../../node-spoe/bin/node-spoe', import.meta.url))
const ACK = '0000000767000000010101'

interface Ended {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

function run(args: readonly string[], input: string | Buffer = '', closeAfter = Infinity): Promise<Ended> {
  const child = spawn(BIN, args, { stdio: 'pipe' })
  let out = ''
  let err = ''
  child.stdout.on('data', (chunk: Buffer) => {
    out += chunk.toString()
    if (out.length > closeAfter) child.stdout.destroy()
  })
  child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()))
  child.stdin.on('error', () => {})
  child.stdin.end(input)
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, out, err })))
}

test('node-spoe decode reads arguments and standard input, and exits with 0', async () => {
  const expected = { code: 0, out: '#1  at 0  ACK  stream 1 frame 1, FIN, 7 bytes\n', err: '' }
  expect(await run(['decode', ACK])).toEqual(expected)
  expect(await run(['decode'], ACK)).toEqual(expected)
})

test('malformed input, no frames and a capture that cannot be read exit with 1', async () => {
  expect((await run(['decode', ACK.slice(0, -2)])).code).toBe(1)
  expect(await run(['decode'])).toEqual({ code: 1, out: '', err: 'node-spoe: no SPOP frame found\n' })
  expect(await run(['decode', '--from', 'pcap'], 'x')).toMatchObject({
    code: 1,
    err: expect.stringContaining('ends in its header'),
  })
  expect(await run(['decode'], 'no \x1b[2J')).toMatchObject({ code: 1, out: expect.stringMatching(/^[ -~\n]*$/) })
  expect(await run(['decode', '--from', 'hex'], 'zz')).toMatchObject({
    code: 1,
    err: 'node-spoe: line 1 is no hex: "z" is no hex digit\n',
  })
})

test.each([
  [[], 'which command'],
  [['encode'], 'no command "encode"'],
  [['decode', 'no-such-file.pcap'], 'neither a file nor hex'],
  [['decode', '\x1b[2J'], String.raw`"\u001b[2J" is neither`],
  [['decode', '/'], 'is a directory'],
  [['decode', '--port', '70000', ACK], 'no TCP port'],
  [['decode', '--port', '9000', ACK], '--port is for captures'],
  [['decode', '--from', 'json', ACK], 'none of hex, binary, pcap'],
  [['decode', '--colour'], "Unknown option '--colour'"],
])('node-spoe %j is a mistake of the caller: exit code 2', async (args, message) => {
  const { code, out, err } = await run(args)
  expect([code, out]).toEqual([2, ''])
  expect(err).toContain(message)
  expect(err).toMatch(/^[ -~\n]*$/)
})

test('--help and --version answer on standard output', async () => {
  expect(await run(['--help'])).toMatchObject({
    code: 0,
    out: expect.stringContaining('Usage: node-spoe decode'),
    err: '',
  })
  expect((await run(['decode', '--help'])).out).toContain('--port N')
  expect((await run(['--version'])).out).toMatch(/^\d+\.\d+\.\d+\n$/)
})

test('a reader that has seen enough, like head(1), is no failure', async () => {
  const many = Buffer.from(
    vectors.frames
      .map(({ hex }) => hex)
      .join('')
      .repeat(200),
    'hex',
  )
  const { code, err } = await run(['decode'], many, 100)
  expect([code, err]).toEqual([0, ''])
})
