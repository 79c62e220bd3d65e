import { message, type MessageHandler, type Reply } from '../../../node-spoe/src/index.ts'
import { type Harness, harness, sleep } from './harness.ts'
import { messageBytes, notify } from './wire.ts'

/** Lets everything happen that is due. */
export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** A handler of a message without arguments. */
export type Handle = MessageHandler<Record<never, never>>['handle']
export const plain = (handle: Handle): MessageHandler<Record<never, never>> => message({ args: {}, handle })

/** Says why it was called. */
export const fallback = (reply: Reply, cause: string): void => reply.setVar('txn', 'cause', cause)

/** One handler, one NOTIFY; resolves when all is over. */
export async function one(handle: Handle, wait = 0): Promise<Harness> {
  const h = harness({ messages: { m: plain(handle) }, fallback, deadlineMs: 16 })
  h.receive(notify([messageBytes('m')], 7, 9))
  if (wait > 0) await sleep(wait)
  await turn()
  return h
}
