import { setTimeout as sleep } from 'node:timers/promises'
import { between, type Fault, fork } from './fault.ts'

/** The agent dies and comes back on the same outbox. */
export const agentKilled: Fault = {
  name: 'agent killed',
  run: (rig, random) =>
    rig.outage(async () => {
      await rig.killAgent()
      await sleep(between(random, 0, 500))
      await rig.startAgent()
    }),
}

/** The same with events waiting, and calls on the way whose effect it will never hear of. */
export const agentKilledWithBacklog: Fault = {
  name: 'agent killed with a backlog',
  async run(rig, random) {
    const share = between(random, 20, 80)
    const calls = fork(random)
    rig.proxy.inject(() => (calls.below(100) < share ? 'late' : { code: 14 }))
    await sleep(between(random, 500, 1_500))
    await agentKilled.run(rig, random)
    rig.proxy.heal()
  },
}

/** The agent is asked to end, and another one takes its place. */
export const agentRestarted: Fault = {
  name: 'agent restarted',
  run: (rig) =>
    rig.outage(async () => {
      await rig.stopAgent()
      await rig.startAgent()
    }),
}

export const workerKilled: Fault = {
  name: 'worker killed',
  async run(rig, random) {
    rig.worker.signal('SIGKILL')
    await rig.worker.exited
    await sleep(between(random, 0, 1_000))
    rig.startWorker()
  },
}

/** Temporal dies and comes back on the same database. */
export const temporalKilled: Fault = {
  name: 'Temporal killed',
  async run(rig, random) {
    rig.temporal.process.signal('SIGKILL')
    await rig.temporal.process.exited
    await sleep(between(random, 0, 1_500))
    await rig.startTemporal()
  },
}

export const haproxyKilled: Fault = {
  name: 'HAProxy killed',
  run: (rig, random) =>
    rig.outage(async () => {
      rig.haproxy.signal('SIGKILL')
      await rig.haproxy.exited
      await sleep(between(random, 0, 300))
      await rig.startHaproxy()
    }),
}
