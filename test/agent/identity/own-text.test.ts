import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import { parsePresigned } from '../../../agent/identity/aws/presigned.ts'
import { ownText } from '../../../agent/identity/own-text.ts'
import { credentialOf, DEPLOYER, HOST, presign } from './aws/support/client.ts'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** Bytes of heap for each of the texts that are kept. */
function bytesEach(texts: number, make: (i: number) => string): number {
  collect()
  const before = process.memoryUsage().heapUsed
  const kept = Array.from({ length: texts }, (_, i) => make(i))
  collect()
  return (process.memoryUsage().heapUsed - before) / kept.length
}

describe('what is kept of a text', () => {
  it('is the piece alone once it is a copy', () => {
    const long = (i: number): string => `${i}`.padStart(4000, 'x')
    expect(bytesEach(500, (i) => long(i).slice(-100))).toBeGreaterThan(3000)
    expect(bytesEach(500, (i) => ownText(long(i).slice(-100)))).toBeLessThan(1000)
  })

  it.each(['signature', 'accessKeyId', 'host'] as const)('does not keep a presigned request for its %s', (name) => {
    const session = { ...DEPLOYER, sessionToken: 'secret'.repeat(200) }
    const piece = (i: number): string => {
      const parsed = parsePresigned(credentialOf(presign(session, { now: i * 1000 })), new Set([HOST]))
      return parsed.ok ? parsed[name] : ''
    }
    piece(0)
    expect(bytesEach(500, piece)).toBeLessThan(600)
  })
})
