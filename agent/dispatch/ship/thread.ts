import { parentPort, workerData } from 'node:worker_threads'
import { callerOf } from '../../actor/dispatch-options.ts'
import { openPayloadKeys } from '../../crypto/payload-keys.ts'
import { standBack } from '../stand-back.ts'
import { forwardingLog } from '../forwarding-log.ts'
import type { ToShip } from '../parcel.ts'
import type { FromThread, ShipOptions } from '../protocol.ts'
import { openConnections } from '../temporal/connections.ts'
import { defaultIdentity } from '../temporal/options.ts'
import { ShipEngine } from './ship-engine.ts'

/** Entry of the ship thread. An error thrown here reaches the hot side as the thread's `error` event. */
const port = parentPort
if (port === null) throw new TypeError('ship/thread.ts is started by the dispatcher, as a worker thread')

standBack()
const post = (message: FromThread): void => port.postMessage(message)
const { peer, temporal, actor, ...options } = workerData as ShipOptions
const log = forwardingLog(post)
const { namespace, identity = defaultIdentity() } = temporal
const keys = temporal.payloadKeys && (await openPayloadKeys(temporal.payloadKeys, log))
const engine = new ShipEngine({
  ...options,
  temporal,
  connections: openConnections({
    temporal,
    log,
    onStatus: (connections) => post({ type: 'connections', connections }),
  }),
  caller: {
    ...callerOf({ namespace, identity }, actor, log),
    ...(keys !== undefined && { encode: (payload) => keys.encode(payload) }),
  },
  log,
  tellStore: (message, transfer) => peer.postMessage(message, transfer),
  post,
})

peer.on('message', (message: ToShip) => engine.take(message))

post({ type: 'ready' })
