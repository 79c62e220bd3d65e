import { clockJumps } from './clock.ts'
import { diskFull } from './disk.ts'
import type { Fault } from './fault.ts'
import {
  agentKilled,
  agentKilledWithBacklog,
  agentRestarted,
  haproxyKilled,
  temporalKilled,
  workerKilled,
} from './kill.ts'
import { oneNamespaceAway } from './namespace.ts'
import { reload } from './reload.ts'
import { rotation } from './rotation.ts'
import { agentStopped, temporalStopped, workerStopped } from './stop.ts'
import { threadDies } from './thread.ts'
import { cut, denied, exhausted, failing, late, slow, unavailable } from './temporal.ts'

/** Every fault there is, each by itself. */
export const FAULTS: readonly Fault[] = [
  agentKilled,
  agentKilledWithBacklog,
  agentRestarted,
  agentStopped,
  clockJumps,
  cut,
  denied,
  diskFull,
  exhausted,
  failing,
  haproxyKilled,
  late,
  oneNamespaceAway,
  reload,
  rotation,
  slow,
  temporalKilled,
  temporalStopped,
  threadDies,
  unavailable,
  workerKilled,
  workerStopped,
]

/**
 * Faults that go together: one of what happens to the agent or HAProxy with one of what happens behind the agent. Two of a
 * kind would be in each other's way.
 */
export const AT_THE_EDGE: readonly Fault[] = [
  agentKilled,
  agentRestarted,
  agentStopped,
  haproxyKilled,
  reload,
  threadDies,
]
export const BEHIND: readonly Fault[] = [
  cut,
  exhausted,
  failing,
  late,
  oneNamespaceAway,
  slow,
  temporalKilled,
  temporalStopped,
  unavailable,
  workerKilled,
  workerStopped,
]
