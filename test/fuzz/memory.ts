import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { ensure } from './failure.ts'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** What may be added between the first sample and any later one, bytes: far less than one leak a case adds up to. */
const MAX_GROWTH = 12 * 1024 * 1024

/** Bytes in use, without garbage. */
export interface MemorySample {
  readonly heap: number
  readonly external: number
}

/** Notices what is never let go. */
export class MemoryWatch {
  first: MemorySample | undefined = undefined
  last: MemorySample = { heap: 0, external: 0 }

  /**
   * Collects garbage and looks at what is left. The first sample, which the others are compared with, is to be taken once
   * everything is warm.
   * @throws FuzzFailure
   */
  sample(): MemorySample {
    collect()
    const { heapUsed, external } = process.memoryUsage()
    this.last = { heap: heapUsed, external }
    this.first ??= this.last
    const grown = Math.max(heapUsed - this.first.heap, external - this.first.external)
    ensure(grown < MAX_GROWTH, `memory grew by ${Math.round(grown / 1024)} KiB`)
    return this.last
  }
}
