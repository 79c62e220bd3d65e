import { workerData } from 'node:worker_threads'
import type { ToShip } from '../../../../agent/dispatch/parcel.ts'
import type { ShipOptions } from '../../../../agent/dispatch/protocol.ts'

/** The ship thread with a flaw: it dies when the threads are told to stop. */
await import('../../../../agent/dispatch/ship/thread.ts')
const { peer } = workerData as ShipOptions
peer.on('message', ({ type }: ToShip) => {
  if (type === 'hurry') throw new Error('a flaw')
})
