import { connect, type Socket } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { OpenSockets } from '../../../../agent/dispatch/temporal/open-sockets.ts'
import { serveSilence } from '../../../support/local-server.ts'

function dial(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1')
  onTestFinished(() => void socket.destroy())
  return new Promise((resolve) => socket.once('connect', () => resolve(socket)))
}

test('sockets that are closing are waited for', async () => {
  const port = await serveSilence({ whenEnded: true })
  const sockets = new OpenSockets(60_000)
  const both = [await dial(port), await dial(port)]
  for (const socket of both) socket.end()
  await sockets.close()
  expect(both.map(({ closed }) => closed)).toEqual([true, true])
})

test('a peer that does not close its side is waited for no longer than the grace', async () => {
  const port = await serveSilence({ whenEnded: false })
  const sockets = new OpenSockets(20)
  const socket = await dial(port)
  socket.end()
  await sockets.close()
  expect(socket.closed).toBe(true)
})

test('without sockets there is nothing to wait for', async () => {
  await new OpenSockets(60_000).close()
})
