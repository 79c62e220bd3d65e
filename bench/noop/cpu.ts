import { readdirSync, readFileSync } from 'node:fs'

/** The kernel reports the CPU of a whole process in hundredths of a second, whatever its own clock. */
const TICK_NS = 1e7

/** CPU that a process has used since it started. */
export interface CpuReading {
  /** Sum over the threads that live now: exact, but a thread that ends takes its share along. */
  readonly threadsNs: number
  /** User and system of all threads, also those that have ended, in steps of 10 ms each. */
  readonly processNs: number
}

export function readCpu(pid: number): CpuReading {
  const tasks = readdirSync(`/proc/${pid}/task`)
  const threads = tasks.map((task) => firstNumber(`/proc/${pid}/task/${task}/schedstat`))
  // Fields 14 and 15; counted from behind the name in brackets, which may hold anything.
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const ticks = Number(fields[11]) + Number(fields[12])
  return { threadsNs: threads.reduce((sum, ns) => sum + ns, 0), processNs: ticks * TICK_NS }
}

/** A thread may end while its neighbours are read; what it used is then found in the sum of the process only. */
function firstNumber(file: string): number {
  try {
    return Number(readFileSync(file, 'latin1').split(' ')[0])
  } catch {
    return 0
  }
}

/**
 * CPU between two readings in nanoseconds: the exact sum over threads, unless the coarse sum of the process says that
 * threads have ended between.
 */
export function cpuBetween(before: CpuReading, after: CpuReading): number {
  const exact = after.threadsNs - before.threadsNs
  const coarse = after.processNs - before.processNs
  return Math.abs(exact - coarse) <= 3 * TICK_NS ? exact : coarse
}
