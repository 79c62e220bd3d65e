import { existsSync, writeFileSync } from 'node:fs'
import { parentPort, workerData } from 'node:worker_threads'
import { connect } from '../../../../agent/dispatch/connection.ts'
import { Engine } from '../../../../agent/dispatch/engine.ts'
import type { ThreadOptions, ToThread } from '../../../../agent/dispatch/protocol.ts'

/** The dispatcher's thread with a flaw: the first time, it stores the first batch and dies before it delivers any. */
const options = workerData as ThreadOptions
const marker = `${options.outbox.path}.crashed`
if (existsSync(marker)) await import('../../../../agent/dispatch/thread.ts')
else {
  const unreachable = { ...options.temporal, address: '127.0.0.1:1' }
  const engine = new Engine(options, connect(unreachable), () => undefined)
  engine.start()
  parentPort?.on('message', (message: ToThread) => {
    if (message.type === 'commands') engine.take(message.commands)
    writeFileSync(marker, '')
    throw new Error('a flaw')
  })
  parentPort?.postMessage({ type: 'ready' })
}
