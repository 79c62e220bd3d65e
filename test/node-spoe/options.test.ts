import { expect, test } from 'vitest'
import { type AgentOptions, createAgent } from '../../node-spoe/src/index.ts'

test('an option that does not exist or is out of range is refused', () => {
  const refused = expect.objectContaining({ code: 'ERR_SPOP_OPTION' })
  for (const wrong of [
    { deadline: 40 },
    { deadlineMs: 0 },
    { deadlineMs: Number.NaN },
    { maxFrameSize: 255 },
    { maxConnections: 0 },
    { maxInFlight: 0 },
    { toString: 1 },
  ]) {
    expect(() => createAgent({ messages: {}, ...wrong } as AgentOptions), JSON.stringify(wrong)).toThrow(refused)
  }
  const handle = (): void => {}
  expect(() => createAgent({ messages: { m: { args: { a: 'text' as 'string' }, handle } } })).toThrow(refused)
  expect(() => createAgent({ messages: { m: { args: {} } as never } })).toThrow(refused)
})
