import { Client, Connection } from '@temporalio/client'
import { expect, onTestFinished, test } from 'vitest'
import { METHODS } from '../../../../agent/dispatch/temporal/calls.ts'
import { openConnections } from '../../../../agent/dispatch/temporal/connections.ts'
import { Credentials } from '../../../chaos/credentials.ts'
import { GrpcProxy } from '../../../chaos/grpc-proxy.ts'
import { tempFolder } from '../../../support/folder.ts'
import { testTemporal } from '../../../support/temporal.ts'
import { recordedLog } from '../support/commands.ts'
import { until } from '../support/wait.ts'
import { idOf, parcel } from './support/parcels.ts'
import { shipping } from './support/shipping.ts'

test('what an authorizer forbids for good holds up nothing else of a real server', { timeout: 120_000 }, async () => {
  const server = await testTemporal(tempFolder())
  onTestFinished(() => server.stop())
  await server.start()
  const credentials = await Credentials.create(tempFolder())
  const proxy = await GrpcProxy.start(await credentials.serverTls(), server.address)
  onTestFinished(() => proxy.close())
  const connection = await Connection.connect({ address: server.address })
  onTestFinished(() => connection.close())
  const { workflow } = new Client({ connection })

  let forbidden: readonly string[] = [METHODS.terminate.path]
  let refused = 0
  proxy.inject((path) => (forbidden.includes(path) ? (refused++, { code: 7 }) : 'none'))
  const { caFile, certFile, keyFile } = credentials.files
  const tls = { caFile, certFile, keyFile, serverName: 'localhost' }
  const temporal = { address: proxy.address, namespace: 'default', tls }
  const caller = { namespace: 'default', identity: 'me' }
  const { push, ended, posted, log } = shipping(openConnections({ temporal, log: recordedLog() }), caller, { temporal })
  const denied = () => posted.findLast((m) => m.type === 'denied')?.rules ?? []

  push({}, ...Array.from({ length: 5 }, (_, i) => parcel(i)))
  await until(() => ended.size === 5)
  push({ kind: 'terminate' }, ...Array.from({ length: 5 }, (_, i) => parcel(100 + i, { workflowId: idOf(i) })))
  // Whatever kind of call the others make, and until long after the agent knows.
  let sent = 5
  while (!denied().includes('kill') || refused < 12) {
    push({}, parcel(1_000 + sent))
    push({ kind: 'signal' }, parcel(2_000 + sent, { workflowId: `audit/${sent}`, key: 'k' }))
    push({ kind: 'signal', workflowType: '' }, parcel(3_000 + sent, { workflowId: `audit/${sent}` }))
    push({ kind: 'cancel' }, parcel(4_000 + sent, { workflowId: idOf(1_000 + sent) }))
    sent += 4
    await until(() => ended.size === sent)
  }
  expect(new Set(ended.values())).toEqual(new Set(['delivered']))
  expect(denied()).toEqual(['kill'])
  expect(posted.findLast((m) => m.type === 'state')).toMatchObject({ temporal: 'connected' })
  expect(log.lines.find(({ fields }) => 'rule' in fields)?.fields).toMatchObject({
    rule: 'kill',
    call: 'TerminateWorkflowExecution',
    err: 'PERMISSION_DENIED: injected 7',
  })
  expect((await workflow.getHandle(idOf(0)).describe()).status.name).toBe('RUNNING')

  forbidden = []
  await until(() => ended.size === sent + 5 && denied().length === 0)
  for (let i = 0; i < 5; i++) expect((await workflow.getHandle(idOf(i)).describe()).status.name).toBe('TERMINATED')
})
