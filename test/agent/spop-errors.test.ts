import { SpopError } from 'node-spoe'
import { expect, it } from 'vitest'
import { spopErrorLog } from '../../agent/spop-errors.ts'

function recorded() {
  const lines: [level: string, message: string, fields: object][] = []
  const log = (level: string) => (fields: object, message: string) => void lines.push([level, message, fields])
  const onError = spopErrorLog({ warn: log('warn'), error: log('error') } as unknown as Parameters<
    typeof spopErrorLog
  >[0])
  return { lines, onError }
}

it('a decision that failed is an error, a peer that misbehaves is a warning', () => {
  const { lines, onError } = recorded()
  onError(new TypeError('x'))
  onError(new SpopError('ERR_SPOP_VARINT'))
  onError(new SpopError('ERR_SPOP_VARIABLE_NAME', 'a b'))
  expect(lines.map(([level, message]) => [level, message])).toEqual([
    ['error', 'a decision failed, its request was answered 503'],
    ['warn', 'a SPOP connection went wrong'],
    ['warn', 'HAProxy would refuse a variable, so it was not set'],
  ])
})

it('a flood of errors is no flood of lines', () => {
  const { lines, onError } = recorded()
  for (let i = 0; i < 10_000; i++) onError(new SpopError('ERR_SPOP_VARINT'))
  expect(lines.length).toBeLessThanOrEqual(20)
})
