import { parentPort, workerData } from 'node:worker_threads'
import { callerOf } from '../../actor/dispatch-options.ts'
import { openPayloadKeys } from '../../crypto/payload-keys.ts'
import { standBack } from '../stand-back.ts'
import { forwardingLog } from '../forwarding-log.ts'
import type { ToShip } from '../parcel.ts'
import type { FromThread, ShipOptions } from '../protocol.ts'
import { openConnections } from '../temporal/connections.ts'
import { OpenSockets } from '../temporal/open-sockets.ts'
import { defaultIdentity } from '../temporal/options.ts'
import { ShipEngine } from './ship-engine.ts'

/**
 * Entry of the ship thread. An error thrown here reaches the hot side as the thread's `error` event. It ends by itself
 * when it was stopped, or is alone.
 */
const port = parentPort
if (port === null) throw new TypeError('ship/thread.ts is started by the dispatcher, as a worker thread')

standBack()
const post = (message: FromThread): void => port.postMessage(message)
const { peer, temporal, actor, ...options } = workerData as ShipOptions
const log = forwardingLog(post)
const { namespace, identity = defaultIdentity() } = temporal
const keys = temporal.payloadKeys && (await openPayloadKeys(temporal.payloadKeys, log))
const sockets = new OpenSockets()
const connections = openConnections({
  temporal,
  log,
  onStatus: (all) => post({ type: 'connections', connections: all }),
})
const engine = new ShipEngine({
  ...options,
  temporal,
  connections: {
    of: (namespace) => connections.of(namespace),
    async close() {
      await connections.close()
      await sockets.close()
    },
  },
  caller: {
    ...callerOf({ namespace, identity }, actor, log),
    ...(keys !== undefined && { encode: (payload) => keys.encode(payload) }),
  },
  log,
  tellStore: (message, transfer) => peer.postMessage(message, transfer),
  post,
})

peer.on('message', (message: ToShip) => {
  engine.take(message)
  if (message.type === 'stop') void end()
})
// The store thread has died.
peer.on('close', () => void end())

async function end(): Promise<void> {
  await engine.stop()
  keys?.close()
  // Nothing else keeps the thread alive: not those who look at files, either.
  peer.close()
}

post({ type: 'ready' })
