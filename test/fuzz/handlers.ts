import { type MessageHandler, type Reply, message } from '../../node-spoe/src/index.ts'
import type { ModelOptions } from './model.ts'

/** More than any frame of the fuzzed agent may hold. */
const BIG = new Uint8Array(70_000)
/** How variables begin that no ACK may hold, as what failing handlers had set is discarded. */
export const NEVER = 'never_'
const HOSTILE = ['', 'a b', 'x'.repeat(64), '\x1b[2J', '__proto__', 'ünïcode'] as const

/** Handlers that do what handlers should not, and one that notes what it was given. */
export class FuzzHandlers {
  /** What `echo` saw in its arguments of any type, oldest first. */
  readonly seen: unknown[] = []
  calls = 0

  readonly messages: Record<string, MessageHandler<never>> = {
    echo: message({
      args: { a: 'any', n: 'int', ip: 'ip', s: 'string', b: 'bytes', t: 'bool' },
      handle: (view, reply) => {
        this.calls++
        this.seen.push(view.get('a'))
        const n = view.get('n')
        if (n !== undefined) reply.setVar('txn', 'n', n)
        const ip = view.get('ip')
        if (ip !== undefined) reply.setVar('txn', 'ip', { ip })
        const s = view.get('s')
        if (s !== undefined) reply.setVar('req', 's', s)
        const b = view.get('b')
        if (b !== undefined) reply.setVar('sess', 'b', b)
        if (view.get('t') === true) reply.unsetVar('txn', 'n')
      },
    }) as MessageHandler<never>,
    boom: this.#plain((reply) => {
      reply.setVar('txn', `${NEVER}boom`, 1)
      throw new Error('boom')
    }),
    big: this.#plain((reply) => {
      reply.setVar('txn', `${NEVER}big`, 1)
      reply.setVar('txn', 'big', BIG)
    }),
    odd: this.#plain((reply) => {
      for (const name of HOSTILE) reply.setVar('txn', name, 'v')
      reply.setVar('constructor' as 'txn', 'a', 1)
      for (const value of [Number.NaN, 2n ** 63n, 1.5, null, undefined, {}, { ip: 'x' }])
        reply.setVar('txn', 'v', value as never)
    }),
    later: this.#plain(async (reply) => {
      await Promise.resolve()
      reply.setVar('txn', 'late', true)
    }),
    reject: this.#plain(() => Promise.reject(new Error('rejected'))),
  }

  /** What the model must know of them. */
  static readonly kinds: ModelOptions['handlers'] = new Map([
    ['echo', 'sync'],
    ['boom', 'throws'],
    ['big', 'sync'],
    ['odd', 'sync'],
    ['later', 'async'],
    ['reject', 'async'],
  ])

  #plain(handle: (reply: Reply) => void | Promise<void>): MessageHandler<never> {
    return message({
      args: {},
      handle: (_view, reply) => {
        this.calls++
        return handle(reply)
      },
    }) as MessageHandler<never>
  }
}
