import { setFlagsFromString } from 'node:v8'

/**
 * The young generation is collected some forty times a second under load, and next to nothing survives: a fifth of a
 * millisecond for one thread. V8 would share it out among threads of its own and wait for all of them, and for the one that
 * frees the memory of buffers: where HAProxy has the cores busy, each wait is for the scheduler, and takes milliseconds in
 * which no request is answered. For the whole process, from now on; the old generation is marked beside the work as ever.
 */
export const SHORT_PAUSES = ['--no-parallel-scavenge', '--no-concurrent-array-buffer-sweeping'] as const

export function keepPausesShort(): void {
  for (const flag of SHORT_PAUSES) setFlagsFromString(flag)
}
