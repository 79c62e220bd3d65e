import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { type Agent, type AgentOptions, createAgent, message } from '../../../node-spoe/src/index.ts'
import { sleep } from './harness.ts'
import { messageBytes, notify, typed } from './wire.ts'

/** An empty folder, gone when the test has ended. Its path is short, as that of a UNIX socket must be. */
export function shortFolder(): string {
  const path = mkdtempSync(join(tmpdir(), 'spoe-'))
  onTestFinished(() => rmSync(path, { recursive: true }))
  return path
}

/** An agent that knows `echo` and `slow`; closed when the test has ended. */
export function agentWith(options: Partial<AgentOptions> = {}): Agent {
  const echo = message({
    args: { n: 'int' },
    handle: (view, reply) => reply.setVar('txn', 'n', view.get('n') ?? -1),
  })
  const slow = message({
    args: { ms: 'int' },
    handle: async (view, reply) => {
      await sleep(Number(view.get('ms')))
      reply.setVar('txn', 'slow', true)
    },
  })
  // On a machine that is busy elsewhere the loop may stand still for longer than the default: that is not tested here.
  const agent = createAgent({ messages: { echo, slow }, deadlineMs: 60_000, ...options })
  onTestFinished(() => agent.close())
  return agent
}

/** NOTIFY whose answer sets txn.n to the number, which is its stream-id too. */
export const echo = (n: number): Buffer => notify([messageBytes('echo', { n: typed.int64(n) })], n)
/** NOTIFY that is answered after so many milliseconds. */
export const slow = (ms: number, id = 1): Buffer => notify([messageBytes('slow', { ms: typed.int64(ms) })], id)
