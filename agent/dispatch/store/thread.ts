import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import type { FromThread, StoreOptions, ToInlet, ToThread } from '../protocol.ts'
import type { ToStore } from '../parcel.ts'
import { standBack } from '../stand-back.ts'
import { forwardingLog } from '../forwarding-log.ts'
import { KeyFile } from '../../crypto/key-file.ts'
import { RowCipher } from '../../crypto/row-cipher.ts'
import { StoreEngine } from './store-engine.ts'

/**
 * Entry of the store thread. An error thrown here reaches the hot side as the thread's `error` event. It ends by itself
 * when it was drained, or is alone.
 */
const port = parentPort
if (port === null) throw new TypeError('store/thread.ts is started by the dispatcher, as a worker thread')

/** Bytes that one commit takes at most: while the disk is slow packets gather, and go to it together. */
const COMMIT_BYTES = 4 * 1024 * 1024

standBack()
const post = (message: FromThread): void => port.postMessage(message)
const { peer, inlet, keyFile, ...options } = workerData as StoreOptions
const log = forwardingLog(post)
const keys = await keysOf(keyFile)
const engine = new StoreEngine({
  ...options,
  cipher: keys && new RowCipher(keys),
  log,
  tellShip: (message) => peer.postMessage(message),
  tellHot: (message) => inlet.postMessage(message),
  tellPaused: (rules) => post({ type: 'paused', rules }),
})
engine.start()

peer.on('message', (message: ToStore) => engine.fromShip(message))
// The ship thread has died; or a drain has come so far that nothing is left to be done.
peer.on('close', () => {
  engine.alone()
  close()
})

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
async function keysOf(path: string | undefined): Promise<KeyFile | undefined> {
  if (path === undefined) return undefined
  const file = new KeyFile(path, log)
  await file.start()
  if (file.current === undefined) throw new Error(`outbox.encryptionKey: ${path}: ${file.lastError ?? 'no keys'}`)
  return file
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
  close()
}

/** Nothing keeps the thread alive any more but an operator's call, until that has its answer. */
function close(): void {
  keys?.close()
  peer.close()
  inlet.close()
  port?.unref()
}

port.on('message', ({ call, request }: ToThread) => {
  void engine.operate(request).then((answer) => post({ type: 'answer', call, answer }))
})
post({ type: 'ready' })
