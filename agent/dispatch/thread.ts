import { parentPort, workerData } from 'node:worker_threads'
import { connect } from './connection.ts'
import { Engine } from './engine.ts'
import type { FromThread, ThreadOptions, ToThread } from './protocol.ts'

/** Entry of the dispatcher's thread. An error thrown here reaches the hot side as the thread's `error` event. */
const port = parentPort
if (port === null) throw new TypeError('thread.ts is started by the dispatcher, as a worker thread')

const post = (message: FromThread): void => port.postMessage(message)
const options = workerData as ThreadOptions
const engine = new Engine(options, connect(options.temporal), post)
engine.start()

port.on('message', (message: ToThread) => {
  if (message.type === 'commands') engine.take(message.commands)
  else {
    void engine.drain(message.timeoutMs).then(() => {
      post({ type: 'drained' })
      // Without a listener on its port the thread has nothing to live for.
      port.close()
    })
  }
})
post({ type: 'ready' })
