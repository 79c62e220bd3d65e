import { expect, onTestFinished, test } from 'vitest'
import { openConnections } from '../../../../agent/dispatch/temporal/connections.ts'
import { clientCertificate } from '../../../support/client-certificates.ts'
import { startTestTemporal } from '../../../support/temporal.ts'
import { tlsFront } from '../../../workflows/support/tls-front.ts'
import { until } from '../support/wait.ts'
import { authorities, credentialFolder } from './support/credential-folder.ts'
import { recordedLog } from './support/recorded-log.ts'

test(
  'a real Temporal answers all calls and the probe, and goes on after the exchange',
  { timeout: 120_000 },
  async () => {
    const temporal = await startTestTemporal()
    onTestFinished(() => temporal.stop())
    const trust = await authorities()
    const front = await tlsFront(trust.tls, temporal.port)
    const client = (name: string) => clientCertificate({ issuer: trust.clients, name: `CN=${name}` })
    const files = credentialFolder()
    files.write('ca.pem', trust.server.cert)
    files.writePair(await client('first'))
    const log = recordedLog()
    const connections = openConnections({
      temporal: { address: front.address, namespace: 'default', tls: files.tls },
      log,
      pollMs: 10,
    })
    onTestFinished(() => connections.close())
    const calls = connections.of(undefined)
    const namespace = 'default'
    const workflow = (workflowId: string) => ({
      namespace,
      workflowId,
      requestId: workflowId,
      workflowType: { name: 'requestHook' },
      taskQueue: { name: 'edge' },
    })
    expect(await calls.start(workflow('a'))).toMatchObject({ started: true })

    files.writePair(await client('second'))
    await until(() => connections.status()[0]?.rotations === 1)
    front.ban('CN=first')
    expect(await calls.signalWithStart({ ...workflow('b'), signalName: 'event' })).toMatchObject({ started: true })
    const workflowExecution = { workflowId: 'b' }
    await calls.signal({ namespace, workflowExecution, signalName: 'event', requestId: 's' })
    await calls.cancel({ namespace, workflowExecution, requestId: 'c' })
    await calls.terminate({ namespace, workflowExecution })
    const gone = { namespace, workflowExecution: { workflowId: 'nobody' } }
    await expect(calls.signal({ ...gone, signalName: 'event' })).rejects.toMatchObject({ code: 5 })
    await expect(calls.terminate(gone)).rejects.toMatchObject({ code: 5 })
    await expect(calls.start({ ...workflow('x'), namespace: 'nowhere' })).rejects.toMatchObject({ code: 5 })
    expect([...new Set(front.clients)]).toEqual(['CN=first', 'CN=second'])
    expect(log.at('error')).toEqual([])
  },
)
