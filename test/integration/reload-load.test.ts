import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { agentReady, startCommand } from '../../agent/dev/command.ts'
import { reservePort } from '../../agent/dev/ports.ts'
import type { ManagedProcess } from '../../agent/dev/process.ts'
import { connect, load, type LoadResult } from '../../node-spoe/src/client/index.ts'
import { newFolder, removeFolder } from '../support/folder.ts'

/** NOTIFYs per second. */
const RATE = 20_000
const ROUND_MS = 2000
const RULES = 200
/** Rounds with reloads that have to get to the rate; and how many of each kind a machine that others use may take for it. */
const WANTED = 3
const MOST = 8
/** For an answer: one that comes late counts as late, not as lost. */
const PATIENT_MS = 20_000
/** By how much a question may wait longer where the agent reloads. Slices of 2 ms are what it takes, 300 ms what it must not. */
const LONGER_MS = 100

const REQUEST = {
  check: {
    id: 'x-1',
    method: 'GET',
    host: 'api.example',
    path: '/r7/42',
    query: '',
    src: { ip: '10.0.0.1' },
    tls: true,
    auth_count: 0,
  },
}

/** Rules that all say the same letter: in their variables, their names and their routes. */
function configOf(letter: string, ports: { readonly spop: number; readonly admin: number }): string {
  const rules = Array.from(
    { length: RULES },
    (_, i) => `  - name: ${letter}-${i}
    match: { path: "/r${i}/{id}", when: "request.method == 'GET' && captures.id != '${letter}'" }
    identity: none
    route: ${letter}
    set: { one: "'${letter}'", two: "'${letter}' + captures.id" }`,
  )
  return `version: 1
spop: { listen: "tcp://127.0.0.1:${ports.spop}", deadline: 40ms }
admin: { listen: "tcp://127.0.0.1:${ports.admin}" }
temporal: { address: "127.0.0.1:1" }
outbox: { path: outbox.db, drain: 100ms }
rules:
${rules.join('\n')}
`
}

interface Round {
  readonly result: LoadResult
  /** The longest that a question waited for the agent, milliseconds. */
  readonly stallMs: number
}

/**
 * Milliseconds for which the main thread of a process was ready to run and had no core. On a machine with little of it to
 * spare that is most of what a question waits, and says nothing of the agent.
 */
function waitedForCore(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/schedstat`, 'latin1').split(' ')[1]) / 1e6
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
}

/** Whether the load was what it says. */
function isFull({ result: { sent, unsent } }: Round): boolean {
  return sent >= 0.97 * (sent + unsent)
}

describe('reloads under 20,000 NOTIFYs a second', () => {
  /** Rounds without a reload and rounds with one after the other take turns, so that both meet the same machine. */
  const [quiet, reloaded]: [Round[], Round[]] = [[], []]
  const folder = newFolder()
  const file = join(folder, 'agent.yaml')
  /** What answers said, in short. */
  const seen = new Set<string>()
  let generation = 1
  let metrics: string[] = []
  let agent: ManagedProcess | undefined

  beforeAll(async () => {
    const ports = { spop: await reservePort(), admin: await reservePort() }
    writeFileSync(file, configOf('a', ports))
    const running = startCommand('agent', ['serve', '--config', file], {}, folder)
    agent = running
    const admin = `http://127.0.0.1:${ports.admin}`
    await agentReady(running, admin)
    const address = `tcp://127.0.0.1:${ports.spop}`
    const session = await connect(address, { timeoutMs: PATIENT_MS })

    const reload = async (): Promise<void> => {
      writeFileSync(file, configOf('ab'[generation % 2] ?? '', ports))
      const headers = { 'content-type': 'application/json' }
      const response = await fetch(`${admin}/reload`, { method: 'POST', headers })
      expect(await response.json()).toMatchObject({ reloaded: true, replaced: true, generation: ++generation })
    }
    /** Beside the load, which looks at no variables, one question that does. @returns how long it waited */
    const ask = async (): Promise<number> => {
      const waited = (): number => waitedForCore(running.pid) + waitedForCore(process.pid)
      const [start, before] = [performance.now(), waited()]
      const ack = await session.notify(REQUEST)
      const ms = performance.now() - start - (waited() - before)
      const vars = Object.fromEntries(
        ack.actions.flatMap((action) => (action.action === 'set-var' ? [[action.name, String(action.value)]] : [])),
      )
      seen.add(['decision', 'rule', 'route', 'one', 'two'].map((name) => vars[name] ?? '-').join(' '))
      return ms
    }
    const round = async (reloads: boolean): Promise<Round> => {
      let [isLoading, isAsking, stallMs] = [true, true, 0]
      const options = { connections: 4, rate: RATE, durationMs: ROUND_MS, timeoutMs: PATIENT_MS }
      const loading = load(address, { notify: REQUEST, ...options }).finally(() => (isLoading = false))
      const reloading = async (): Promise<void> => {
        for (; reloads && isLoading; await sleep(100)) await reload()
      }
      const asking = async (): Promise<void> => {
        for (; isAsking; await sleep(1)) stallMs = Math.max(stallMs, await ask())
      }
      const done = Promise.all([loading, reloading()]).finally(() => (isAsking = false))
      const [[result]] = await Promise.all([done, asking()])
      return { result, stallMs }
    }

    while (reloaded.filter(isFull).length < WANTED && reloaded.length < MOST) {
      quiet.push(await round(false))
      reloaded.push(await round(true))
    }
    await session.close()
    metrics = (await (await fetch(`${admin}/metrics`)).text()).split('\n')
  }, 240_000)
  afterAll(async () => {
    await agent?.stop()
    removeFolder(folder)
  })

  it('lose none, and each is answered once', () => {
    const rounds = [...quiet, ...reloaded].map(({ result }) => result)
    expect(rounds.flatMap(({ errors }) => errors)).toEqual([])
    for (const { sent, answered, timeouts, lost, unanswered, lateAcks, unexpectedAcks, connectionsLost } of rounds) {
      expect(answered).toBe(sent)
      expect({ timeouts, lost, unanswered, lateAcks, unexpectedAcks, connectionsLost }).toEqual({
        timeouts: 0,
        lost: 0,
        unanswered: 0,
        lateAcks: 0,
        unexpectedAcks: 0,
        connectionsLost: 0,
      })
    }
  })

  it('answer none by two configurations', () => {
    // What waited for a core for longer than the deadline, is denied and told nothing else.
    const decided = [...seen].filter((text) => text !== 'deny - - - -')
    expect(decided.toSorted()).toEqual(['allow a-7 a a a42', 'allow b-7 b b b42'])
  })

  it('hold none up', () => {
    const [without, beside] = [quiet, reloaded].map((rounds) => median(rounds.map(({ stallMs }) => stallMs)))
    expect(beside).toBeLessThan((without ?? 0) + LONGER_MS)
  })

  it('are counted, each of them, by the one or the other', () => {
    const count = (start: string): number =>
      metrics
        .filter((line) => line.startsWith(`haproxy_temporal_${start}`))
        .reduce((n, line) => n + Number(line.split(' ').at(-1)), 0)
    expect(generation).toBeGreaterThan(reloaded.length)
    expect(count('config_generation ')).toBe(generation)
    expect(count('spop_handler_errors_total')).toBe(0)
    expect(count('spop_overload_answers_total')).toBe(0)
    const allowed = ['a-7', 'b-7'].map((rule) => count(`decisions_total{rule="${rule}",reason="ok"}`))
    for (const one of allowed) expect(one).toBeGreaterThan(0)
    const late = count('spop_deadline_answers_total')
    expect(count('decisions_total{rule="(none)",reason="timeout"}')).toBe(late)
    expect(allowed.reduce((sum, one) => sum + one, late)).toBe(count('spop_notifies_total'))
  })

  it('do not keep the agent from 20,000 a second', ({ skip }) => {
    const reached = reloaded.filter(isFull).length
    if (reached < WANTED && !quiet.every(isFull)) skip('not even without a reload: this machine is too busy')
    expect(reached).toBe(WANTED)
  })
})
