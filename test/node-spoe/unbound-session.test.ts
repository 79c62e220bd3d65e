import { expect, test } from 'vitest'
import type { Agent, AgentSession } from '../../node-spoe/src/index.ts'
import { agentWith, echo, slow } from './support/agents.ts'
import { until } from './support/peer.ts'
import { actions, type DecodedFrame, frames, hello } from './support/wire.ts'

interface Carried {
  readonly session: AgentSession
  readonly closes: number[]
  readonly sent: () => DecodedFrame[]
}

function carry(agent: Agent): Carried {
  const writes: Buffer[] = []
  const closes: number[] = []
  const session = agent.session({ write: (bytes) => writes.push(bytes), close: (holdMs) => closes.push(holdMs) })
  return { session, closes, sent: () => frames(Buffer.concat(writes)) }
}

test('speaks SPOP over whatever carries bytes, answering within the call', async () => {
  const agent = agentWith()
  const { session, closes, sent } = carry(agent)
  session.receive(Buffer.concat([hello(), echo(1), echo(2)]))
  expect(sent().map(({ streamId }) => streamId)).toEqual([0n, 1n, 2n])
  session.receive(slow(1, 3))
  session.end()
  expect(closes).toEqual([])
  await until(() => closes.length > 0)
  expect(sent().map(({ type }) => type)).toEqual([101, 103, 103, 103, 102])
  expect(closes).toEqual([0])
})

test('what it wrote stays as it was, whatever comes later', () => {
  const { session, sent } = carry(agentWith())
  session.receive(Buffer.concat([hello(), echo(1)]))
  for (let i = 2; i < 50; i++) session.receive(echo(i))
  expect(actions(sent()[1]!.payload)).toEqual([['set txn.n', 1n]])
})

test('a carrier that has gone gets nothing more', async () => {
  const agent = agentWith()
  const { session, sent } = carry(agent)
  session.receive(Buffer.concat([hello(), slow(5)]))
  session.lost()
  await until(() => agent.counters.acksDropped === 1)
  expect(sent()).toHaveLength(1)
})
