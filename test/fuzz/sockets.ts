import { mkdtemp, rm } from 'node:fs/promises'
import { type Socket, connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Agent, createAgent, message } from '../../node-spoe/src/index.ts'
import { frames, hello, messageBytes, notify, typed } from '../node-spoe/support/wire.ts'
import { ensure } from './failure.ts'
import { Grammar } from './grammar.ts'
import { Mutator } from './mutate.ts'
import { Random } from './random.ts'
import { StreamWriter } from './writer.ts'

/** Hostile connections at a time. */
const HOSTILE = 40
/** NOTIFYs that the well-behaved peer keeps in flight. */
const WINDOW = 5
/** Of the agent, milliseconds. */
const DEADLINE_MS = 100
/** How long a well-behaved peer waits for an ACK before that counts as a find, milliseconds. */
const PATIENCE_MS = 10_000

/** What the connections came to. */
export interface SocketResult {
  /** Hostile connections that were made. */
  readonly connections: number
  /** ACKs that the well-behaved peers got. */
  readonly acks: number
  readonly protocolErrors: number
}

/**
 * Hostile peers at a real agent over TCP and a UNIX socket: garbage, damaged frames in random pieces, silence, half-open
 * connections, resets. A well-behaved peer beside them on each address has to get every ACK, and when all are gone
 * nothing may be left.
 *
 * @throws FuzzFailure
 */
export async function fuzzSockets(seconds: number, seed: number): Promise<SocketResult> {
  const folder = await mkdtemp(join(tmpdir(), 'node-spoe-fuzz-'))
  const agent = createAgent({
    messages: {
      check: message({
        args: { n: 'int' },
        handle: (view, reply) => reply.setVar('txn', 'n', view.get('n') ?? -1),
      }),
      later: message({
        args: {},
        handle: async (_view, reply) => {
          await new Promise(setImmediate)
          reply.setVar('txn', 'late', true)
        },
      }),
      never: message({ args: {}, handle: () => new Promise<void>(() => {}) }),
    },
    deadlineMs: DEADLINE_MS,
    helloTimeoutMs: 300,
    refusalDelayMs: 50,
    maxReassembledSize: 4_000,
  })
  const before = handles()
  try {
    const addresses = await agent.listen(['tcp://127.0.0.1:0', `unix://${join(folder, 'spop.sock')}`])
    const until = performance.now() + seconds * 1000
    const peers = addresses.map((address) => behave(address, until))
    const hostile = Array.from({ length: HOSTILE }, (_, i) => attack(addresses[i % 2]!, until, seed, i))
    const acks = (await Promise.all(peers)).reduce((sum, count) => sum + count, 0)
    const connections = (await Promise.all(hostile)).reduce((sum, count) => sum + count, 0)
    await drainCheck(agent, before)
    return { connections, acks, protocolErrors: agent.counters.protocolErrors }
  } finally {
    await agent.close()
    await rm(folder, { recursive: true, force: true })
  }
}

/** Nothing may be left of the connections, nor of the agent once it is closed. */
async function drainCheck(agent: Agent, before: string): Promise<void> {
  const { counters } = agent
  for (let i = 0; i < 300 && (counters.connections > 0 || counters.inFlight > 0); i++) await sleep(10)
  ensure(counters.connections === 0, `${counters.connections} connections are left`)
  ensure(counters.inFlight === 0, `${counters.inFlight} NOTIFYs are left in flight`)
  const answered = counters.acks + counters.acksDropped + counters.protocolErrors
  ensure(counters.notifies <= answered, `${counters.notifies} NOTIFYs, but only ${answered} answers or errors`)
  await agent.close()
  for (let i = 0; i < 100 && handles() !== before; i++) await sleep(10)
  ensure(handles() === before, `handles are left: ${handles()} instead of ${before}`)
}

/** Sockets, servers and timers that keep the process alive. */
function handles(): string {
  return process
    .getActiveResourcesInfo()
    .filter((name) => /TCP|Pipe|Server/.test(name))
    .toSorted()
    .join()
}

/** Asks and waits for answers until the time is over. Returns how many ACKs came. */
async function behave(address: string, until: number): Promise<number> {
  const socket = dial(address)
  let bytes = Buffer.alloc(0)
  let failed = ''
  let wake: (() => void) | undefined
  socket.on('data', (chunk: Buffer) => {
    bytes = Buffer.concat([bytes, chunk])
    wake?.()
  })
  socket.on('error', (error) => (failed = error.message))
  socket.on('close', () => {
    failed ||= 'closed by the agent'
    wake?.()
  })
  const read = async (count: number): Promise<ReturnType<typeof frames>> => {
    const patience = performance.now() + PATIENCE_MS
    for (;;) {
      const whole = wholeFrames(bytes)
      if (whole.count >= count) {
        const list = frames(Buffer.from(bytes.subarray(0, whole.end)))
        bytes = bytes.subarray(whole.end)
        return list
      }
      ensure(failed === '', `a well-behaved connection failed: ${failed}`)
      ensure(performance.now() < patience, 'a well-behaved connection got no answer')
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 100)
        wake = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
  }
  socket.write(hello())
  ensure((await read(1))[0]!.type === 101, 'a well-behaved connection got no AGENT-HELLO')
  let acks = 0
  for (let id = 1; performance.now() < until; id += WINDOW) {
    const asked = Array.from({ length: WINDOW }, (_, i) => id + i)
    socket.write(Buffer.concat(asked.map((n) => notify([question(n)], n))))
    const answers = await read(WINDOW)
    ensure(
      answers.every(({ type }) => type === 103),
      'a well-behaved connection got something else than ACKs',
    )
    const got = answers.map(({ streamId }) => Number(streamId)).toSorted((a, b) => a - b)
    ensure(got.join() === asked.join(), `ACKs for ${got.join()} instead of ${asked.join()}`)
    acks += WINDOW
    await sleep(2)
  }
  socket.destroy()
  return acks
}

/** Most are answered at once, some later, and a few by the deadline. */
function question(n: number): Buffer {
  if (n % 50 === 0) return messageBytes('never')
  return n % 3 === 0 ? messageBytes('later') : messageBytes('check', { n: typed.int64(n) })
}

function wholeFrames(bytes: Buffer): { count: number; end: number } {
  let count = 0
  let end = 0
  while (bytes.length - end >= 4 && bytes.length - end >= 4 + bytes.readUInt32BE(end)) {
    end += 4 + bytes.readUInt32BE(end)
    count++
  }
  return { count, end }
}

/** One hostile connection after the other until the time is over. Returns how many. */
async function attack(address: string, until: number, seed: number, number: number): Promise<number> {
  const random = new Random()
  const out = new StreamWriter()
  const grammar = new Grammar(random, out)
  const mutator = new Mutator(random, out, [])
  let count = 0
  for (; performance.now() < until; count++) {
    random.seed(seed + number, count)
    const socket = dial(address)
    socket.on('error', () => {})
    const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()))
    // Some never read what they are answered.
    if (random.once(3)) socket.pause()
    else socket.resume()
    out.at = 0
    makeStream(grammar, mutator, random, out)
    const bytes = Buffer.from(out.bytes.subarray(0, out.at))
    const slow = random.once(4)
    for (let at = 0; at < bytes.length && socket.writable && performance.now() < until;) {
      const step = slow ? 1 + random.below(3) : 1 + random.below(2_000)
      socket.write(bytes.subarray(at, at + step))
      at += step
      if (slow || random.once(2)) await sleep(slow ? 5 : 0)
      if (random.once(200)) break
    }
    const how = random.below(4)
    // Only TCP knows resets.
    if (how === 0 && address.startsWith('tcp:')) socket.resetAndDestroy()
    else if (how === 1) socket.end()
    // Half-open, or silent: until the agent has had enough, or for a while.
    if (how > 0) await Promise.race([closed, sleep(20 + random.below(400))])
    socket.destroy()
    await closed
  }
  return count
}

function makeStream(grammar: Grammar, mutator: Mutator, random: Random, out: StreamWriter): void {
  const kind = random.below(6)
  if (kind === 0) {
    for (let left = random.below(300); left > 0; left--) out.byte(random.below(256))
    return
  }
  if (kind === 1) return
  grammar.hello()
  for (let left = random.below(12); left > 0 && out.at < 60_000; left--) {
    const start = out.at
    grammar.fromHaproxy(true)
    if (random.once(6)) mutator.mutate(start)
  }
}

function dial(address: string): Socket {
  const tcp = /^tcp:\/\/(.+):(\d+)$/.exec(address)
  return tcp === null ? connect(address.slice('unix://'.length)) : connect(Number(tcp[2]), tcp[1])
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
