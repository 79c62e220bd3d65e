import { spawn } from 'node:child_process'
import type { ManagedProcess } from '../../../agent/dev/process.ts'
import { between, type Fault } from './fault.ts'

/** Longer than the deadline of a call to Temporal, at the longest. */
const [SHORTEST_MS, LONGEST_MS] = [1_000, 6_000]

export const agentStopped: Fault = {
  name: 'agent stopped',
  run: (rig, random) => rig.outage(() => stopped(rig.agent, between(random, SHORTEST_MS, LONGEST_MS))),
}

export const temporalStopped: Fault = {
  name: 'Temporal stopped',
  run: (rig, random) => stopped(rig.temporal.process, between(random, SHORTEST_MS, LONGEST_MS)),
}

export const workerStopped: Fault = {
  name: 'worker stopped',
  run: (rig, random) => stopped(rig.worker, between(random, SHORTEST_MS, LONGEST_MS)),
}

/**
 * SIGSTOP, a while, SIGCONT: by a shell that does it to its end also when the suite dies meanwhile, because a stopped
 * process would not hear of that, and stay for ever.
 */
async function stopped({ pid }: ManagedProcess, ms: number): Promise<void> {
  const script = 'kill -STOP "$1"; sleep "$2"; kill -CONT "$1"'
  const shell = spawn('sh', ['-c', script, 'sh', String(pid), String(ms / 1_000)], { stdio: 'ignore', detached: true })
  await new Promise((resolve) => shell.once('exit', resolve))
}
