import { beforeAll, describe, expect, it } from 'vitest'
import { Cleanup } from '../../agent/dev/cleanup.ts'
import { waitUntil } from '../../agent/dev/process.ts'
import { HAPROXY_VERSIONS, type HaproxyVersion, inParallel } from './edge.ts'
import { type Behaviour, type FakeAgent, ack, set, startFakeAgent } from './fake-agent.ts'
import { type Engine, type Spoe, startSpoe } from './spoe.ts'
import { expose, filterLine } from './spoe-config.ts'

/** What one request saw of its agent. */
export interface Outcome {
  /** Of HAProxy's log line: 0, or why there was no answer. */
  readonly st: number
  /** Variables that are set, without scope and prefix; `error` is that of `option set-on-error`. */
  readonly set: Readonly<Record<string, string>>
}

/** What HAProxy makes of an agent's behaviour. */
export interface Expected {
  /** Of the requests, which are sent one after the other. */
  readonly outcomes: readonly Outcome[]
  /** How many it opened for them: one when it keeps the connection, or as fast as it can, or a few. */
  readonly connections: number | 'storm' | 'few'
  /** Status of its DISCONNECTs. Default: it sent none. */
  readonly disconnect?: number
}

export interface Row {
  /** Completes "an agent that ..." */
  readonly agent: string
  readonly behaviour: Behaviour
  /** HAProxy 2.6 and 3.0: the applet of flt_spoe.c. */
  readonly applet: Expected
  /** HAProxy 3.1 and later: the multiplexer mux_spop.c. */
  readonly mux: Expected
}

export interface Observed {
  readonly outcomes: readonly Outcome[]
  readonly connections: number
  /** Each status once. */
  readonly disconnects: readonly number[]
}

/** With scope and prefix, `txn.r00.`, these have 63 and 64 bytes. */
export const LONGEST = 'n'.repeat(55)
export const TOO_LONG = 'n'.repeat(56)
/** More connections than anyone would open for twenty requests. */
const STORM = 100
const VARIABLES = ['a', 'b', 'c', 'next', 'error', LONGEST, TOO_LONG]

/** st 0. */
export const fine = (variables: Readonly<Record<string, string>> = {}): Outcome => ({ st: 0, set: variables })
/** Nothing set but the error variable; 1 means that HAProxy waited until `timeout processing`. */
export const failed = (st: number): Outcome => ({ st, set: { error: String(st) } })
export const STALL = failed(1)
/** What a good answer to the request after the one that counts looks like. */
export const NEXT = fine({ next: '1' })

/** Does something about the first NOTIFY, and answers later ones as it should. */
export function once(first: Behaviour['notify'], hello?: Behaviour['hello']): Behaviour {
  return {
    ...(hello !== undefined && { hello }),
    notify: (notify, n) => (n === 0 ? first(notify, n) : [ack(notify, [set('next', '1')])]),
  }
}

/** The same on all versions. */
export function both(expected: Expected): Pick<Row, 'applet' | 'mux'> {
  return { applet: expected, mux: expected }
}

function expectedOf(row: Row, version: HaproxyVersion): Expected {
  return version === '3.2' ? row.mux : row.applet
}

/**
 * A test for each row and version.
 * @param width how many rows at a time; a storm disturbs others
 */
export function describeAgentsThat(rows: readonly Row[], width: number): void {
  describe.each(HAPROXY_VERSIONS)('HAProxy %s, with an agent that', (version) => {
    let observed: readonly Observed[] = []
    beforeAll(async () => {
      observed = await play(version, rows, width)
    })

    it.each(rows.map((row, i) => [row.agent, i] as const))('%s', (_, i) => {
      const { outcomes, connections, disconnect } = expectedOf(rows[i]!, version)
      const seen = observed[i]!
      expect(seen.outcomes).toEqual(outcomes)
      expect(seen.disconnects).toEqual(disconnect === undefined ? [] : [disconnect])
      if (connections === 'storm') expect(seen.connections).toBeGreaterThan(STORM)
      else if (connections === 'few') expect(seen.connections).toBeLessThan(20)
      // 3.0 may open a second connection for requests that follow one another.
      else expect(seen.connections).toBeOneOf(version === '3.0' ? [connections, connections + 1] : [connections])
    })
  })
}

/** Plays all rows through one HAProxy, each with a frontend, an engine and an agent of its own. */
async function play(version: HaproxyVersion, rows: readonly Row[], width: number): Promise<Observed[]> {
  const cleanup = new Cleanup()
  try {
    const agents: FakeAgent[] = []
    for (const row of rows) {
      const agent = await startFakeAgent(row.behaviour)
      cleanup.add(() => agent.stop())
      agents.push(agent)
    }
    const names = rows.map((_, i) => `r${String(i).padStart(2, '0')}`)
    const [first, ...others] = rows.map((row, i) => engine(names[i]!, agents[i]!, expectedOf(row, version)))
    const spoe = await startSpoe({
      version,
      ...first!,
      engines: others,
      ports: names,
      sections: names.map(frontend).join('\n'),
    })
    cleanup.add(() => spoe.stop())
    return await inParallel(rows.length, width, (i) =>
      observe(spoe, names[i]!, agents[i]!, expectedOf(rows[i]!, version)),
    )
  } finally {
    await cleanup.run()
  }
}

function engine(name: string, agent: FakeAgent, expected: Expected): Engine {
  const stalls = expected.outcomes.some(({ st }) => st === 1)
  return {
    name,
    agents: [agent.address],
    messages: 'spoe-message m\nargs path=path\nevent on-frontend-http-request',
    filter: false,
    // Where an answer is expected, a busy machine must not turn it into a stall.
    ...(stalls && { processingTimeout: '400ms' }),
  }
}

function frontend(name: string): string {
  return `frontend ${name}
bind "127.0.0.1:\${${name}}"
${filterLine(name)}
${expose(...VARIABLES.map((variable) => `txn.${name}.${variable}`))}
http-request return status 200`
}

async function observe(spoe: Spoe, name: string, agent: FakeAgent, expected: Expected): Promise<Observed> {
  const sets: Record<string, string>[] = []
  for (let i = 0; i < expected.outcomes.length; i++) {
    const { headers } = await spoe.get('/', { port: spoe.portOf(name) })
    const variables = VARIABLES.map((variable) => [variable, headers[`x-txn-${name}-${variable}`]])
    sets.push(Object.fromEntries(variables.filter(([, value]) => value !== undefined)))
  }
  // On a busy machine a storm blows slowly: a few more requests show it, and cannot make one of the three connections
  // that 3.1 and later spend on each.
  for (let i = 0; expected.connections === 'storm' && agent.connections <= STORM && i < 20; i++) {
    await spoe.get('/', { port: spoe.portOf(name) })
  }
  const events = (): number[] =>
    spoe
      .events()
      .filter((event) => event.agent === `${name}-agent`)
      .map(({ status }) => status)
  // What is missing by then is for the assertions to say.
  await waitUntil(
    'log lines and DISCONNECTs',
    async () => events().length >= sets.length && (expected.disconnect === undefined || agent.disconnects.length > 0),
    spoe.haproxy,
    5_000,
  ).catch(() => {})
  return {
    outcomes: sets.map((set_, i) => ({ st: events()[i] ?? -1, set: set_ })),
    connections: agent.connections,
    disconnects: [...new Set(agent.disconnects)],
  }
}
