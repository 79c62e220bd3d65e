import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import type { FromThread, StoreOptions, ToInlet, ToThread } from '../protocol.ts'
import type { ToStore } from '../parcel.ts'
import { standBack } from '../stand-back.ts'
import { forwardingLog } from '../forwarding-log.ts'
import { KeyFile } from '../../crypto/key-file.ts'
import { RowCipher } from '../../crypto/row-cipher.ts'
import { StoreEngine } from './store-engine.ts'

/** Entry of the store thread. An error thrown here reaches the hot side as the thread's `error` event. */
const port = parentPort
if (port === null) throw new TypeError('store/thread.ts is started by the dispatcher, as a worker thread')

/** Bytes that one commit takes at most: while the disk is slow packets gather, and go to it together. */
const COMMIT_BYTES = 4 * 1024 * 1024

standBack()
const post = (message: FromThread): void => port.postMessage(message)
const { peer, inlet, keyFile, ...options } = workerData as StoreOptions
const log = forwardingLog(post)
const engine = new StoreEngine({
  ...options,
  cipher: await cipherOf(keyFile),
  log,
  tellShip: (message) => peer.postMessage(message),
  tellHot: (message) => inlet.postMessage(message),
  tellPaused: (rules) => post({ type: 'paused', rules }),
})
engine.start()

peer.on('message', (message: ToStore) => engine.fromShip(message))

inlet.on('message', (first: ToInlet) => {
  let packets: Uint8Array[] = []
  let bytes = 0
  for (const message of withRest(first)) {
    if (message.type === 'packet') {
      packets.push(message.bytes)
      bytes += message.bytes.length
    }
    if (message.type !== 'packet' || bytes >= COMMIT_BYTES) {
      if (packets.length > 0) engine.take(packets)
      packets = []
      bytes = 0
    }
    if (message.type === 'actions') engine.addActions(message.first, message.actions)
    else if (message.type === 'answered') engine.answered(message.kept, message.refused)
    else if (message.type === 'rules') engine.addRules(message.names)
    else if (message.type === 'drain') void drain(message.timeoutMs)
  }
  if (packets.length > 0) engine.take(packets)
})

/** @throws {Error} no key can be had: to store events in plain text instead would go unnoticed */
async function cipherOf(path: string | undefined): Promise<RowCipher | undefined> {
  if (path === undefined) return undefined
  const keys = new KeyFile(path, log)
  await keys.start()
  if (keys.current === undefined) throw new Error(`outbox.encryptionKey: ${path}: ${keys.lastError ?? 'no keys'}`)
  return new RowCipher(keys)
}

/** The message, and those that have come meanwhile. */
function* withRest(first: ToInlet): Generator<ToInlet> {
  yield first
  for (;;) {
    const next = receiveMessageOnPort(inlet as MessagePort)
    if (next === undefined) return
    yield next.message as ToInlet
  }
}

async function drain(timeoutMs: number): Promise<void> {
  await engine.drain(timeoutMs)
  post({ type: 'drained' })
}

port.on('message', ({ call, request }: ToThread) => {
  void engine.operate(request).then((answer) => post({ type: 'answer', call, answer }))
})
post({ type: 'ready' })
