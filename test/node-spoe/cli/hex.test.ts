import { expect, test } from 'vitest'
import { parseHex } from '../../../node-spoe/src/cli/hex.ts'
import { golden } from '../support/vectors.ts'
import { decode } from './run.ts'

const hello = golden('haproxy-hello pipelining')
const rows = (width: number): Buffer[] =>
  Array.from({ length: Math.ceil(hello.length / width) }, (_, i) => hello.subarray(i * width, (i + 1) * width))
const text = (row: Buffer): string => row.toString('latin1').replace(/[^ -~]/g, '.')
const pairs = (row: Buffer): string[] => row.toString('hex').match(/../g)!

test.each([
  ['digits', hello.toString('hex')],
  [
    'pairs, in lines',
    rows(8)
      .map((row) => pairs(row).join(' '))
      .join('\n'),
  ],
  [
    'upper case with Windows line ends',
    rows(16)
      .map((row) => row.toString('hex').toUpperCase())
      .join('\r\n'),
  ],
  [
    'a C array',
    pairs(hello)
      .map((pair) => `0x${pair}`)
      .join(', '),
  ],
  [
    'an escaped string',
    pairs(hello)
      .map((pair) => String.raw`\x${pair}`)
      .join(''),
  ],
  ['colons', pairs(hello).join(':')],
  [
    'xxd',
    rows(16)
      .map(
        (row, i) =>
          `${(i * 16).toString(16).padStart(8, '0')}: ${row
            .toString('hex')
            .match(/.{1,4}/g)!
            .join(' ')
            .padEnd(39)}  ${text(row)}`,
      )
      .join('\n'),
  ],
  [
    'tcpdump -x',
    rows(16)
      .map(
        (row, i) =>
          `\t0x${(i * 16).toString(16).padStart(4, '0')}:  ${row
            .toString('hex')
            .match(/.{1,4}/g)!
            .join(' ')}`,
      )
      .join('\n'),
  ],
  [
    'hexdump -C',
    [
      ...rows(16).map(
        (row, i) =>
          `${(i * 16).toString(16).padStart(8, '0')}  ${pairs(row.subarray(0, 8)).join(' ')}  ${row.length > 8 ? pairs(row.subarray(8)).join(' ') : ''}  |${text(row)}|`,
      ),
      hello.length.toString(16).padStart(8, '0'),
    ].join('\n'),
  ],
])('%s', (_, input) => {
  expect(parseHex(`${input}\n`)).toEqual(hello)
})

test('two dumps, each from offset 0, are one stream', () => {
  const dump = '0000: 0000 0007 6700 0000 0101 01\n'
  expect(parseHex(dump + dump).toString('hex')).toBe('0000000767000000010101'.repeat(2))
})

test('digits before a colon that are no offset there are bytes', () => {
  expect(parseHex('0000: 0000 0007\n6700:0000\n').toString('hex')).toBe('0000000767000000')
  expect(parseHex('00000007\n67 00000001 01 01\n00000007').toString('hex')).toBe('000000076700000001010100000007')
})

test('what is no hex is refused with its line', () => {
  const line = (input: string): unknown => {
    try {
      return parseHex(input)
    } catch (error) {
      return (error as Error).message
    }
  }
  expect(line('00\n0g')).toBe('line 2 is no hex: "g" is no hex digit')
  expect(line('00\n\n000')).toBe('line 3 is no hex: an odd number of hex digits')
})

test('the command takes hex as arguments, from standard input, and only says so when told', async () => {
  const args = ['00000007', '67', '00000001', '01', '01']
  const text = args.join(' ')
  const runs = [
    await decode(args),
    await decode([text]),
    await decode(['-'], Buffer.from(text)),
    await decode(['--from', 'hex'], Buffer.from(text)),
    await decode([], Buffer.from(args.join(''), 'hex')),
    await decode(['--from', 'binary', '-'], Buffer.from(args.join(''), 'hex'), 1),
  ]
  for (const { out, code } of runs) expect([out, code]).toEqual(['#1  at 0  ACK  stream 1 frame 1, FIN, 7 bytes\n', 0])
})
