import { expect, test } from 'vitest'
import { bridgeLogger, type Logger } from '../../workflows/logger.ts'

function bridged() {
  const lines: [level: string, fields: object, message: string][] = []
  const write = (level: string) => (fields: object, message: string) => void lines.push([level, fields, message])
  const logger: Logger = { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') }
  return { lines, bridge: bridgeLogger(logger) }
}

test('levels and fields arrive, errors under the name that pino knows', () => {
  const { lines, bridge } = bridged()
  const error = new Error('x')
  bridge.info('from an activity', { sdkComponent: 'activity', n: 1 })
  bridge.error('failed', { error })
  bridge.trace('detail')
  expect(lines).toEqual([
    ['info', { sdkComponent: 'activity', n: 1 }, 'from an activity'],
    ['error', { err: error }, 'failed'],
    ['debug', {}, 'detail'],
  ])
})

test('what the SDK repeats while Temporal is away, and its own comings and goings, are for debugging', () => {
  const { lines, bridge } = bridged()
  bridge.warn('gRPC call poll_workflow_task_queue retried 6 times', { target: 'temporalio_client::retry' })
  bridge.info('Worker state changed', { sdkComponent: 'worker' })
  bridge.warn('Activity failed', { sdkComponent: 'worker' })
  expect(lines.map(([level]) => level)).toEqual(['debug', 'debug', 'warn'])
})
