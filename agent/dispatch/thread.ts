import { type MessagePort, Worker } from 'node:worker_threads'

/** One of the two threads, and its end. */
export class Thread {
  readonly name: string
  readonly worker: Worker
  /** Resolves when it has ended. Never rejects. */
  readonly ended: Promise<void>
  #isOver = false

  constructor(name: string, entry: URL, workerData: object, transferList: readonly MessagePort[]) {
    this.name = name
    this.worker = new Worker(entry, { workerData, transferList: [...transferList], name: `dispatch ${name}` })
    this.ended = new Promise((resolve) => {
      this.worker.once('exit', () => {
        this.#isOver = true
        resolve()
      })
    })
  }

  get isOver(): boolean {
    return this.#isOver
  }
}

/**
 * Resolves when the threads have ended. To terminate one from outside takes its native code down wherever it is, so that
 * is for those only that do not end by themselves in time.
 *
 * @returns names of those that had to be terminated
 */
export async function endOf(threads: readonly Thread[], ms: number): Promise<string[]> {
  await within(ms, Promise.all(threads.map(({ ended }) => ended)))
  const stuck = threads.filter(({ isOver }) => !isOver)
  await Promise.all(stuck.map(({ worker }) => worker.terminate()))
  return stuck.map(({ name }) => name)
}

/** Whether the promise has settled in that time. */
export async function within(ms: number, promise: Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<boolean>((resolve) => (timer = setTimeout(resolve, ms, false)))
  const settled = promise.then(
    () => true,
    () => true,
  )
  const inTime = await Promise.race([settled, late])
  clearTimeout(timer)
  return inTime
}
