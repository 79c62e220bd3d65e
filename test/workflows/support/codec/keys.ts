import { join } from 'node:path'
import { Client } from '@temporalio/client'
import { defaultPayloadConverter, type Payload } from '@temporalio/common'
import { onTestFinished } from 'vitest'
import { openPayloadKeys, type PayloadKeys } from '../../../../agent/crypto/payload-keys.ts'
import { encryptedConverter } from '../../../../workflows/codec.ts'
import { replaceKeys } from '../../../agent/crypto/support/keys.ts'
import { keptLog } from '../../../agent/secrets/support.ts'
import { tempFolder } from '../../../support/folder.ts'

/** How the agent makes one payload. */
export type Writer = (value: unknown) => Payload

export const plainly: Writer = (value) => defaultPayloadConverter.toPayload(value)

/** One file of keys, as an agent, a worker and a client have it, each with a watch of its own. */
export interface SharedKeys {
  /** Puts these keys into the file, the first of them current. The agent knows at once, the others when they look. */
  readonly rotate: (...ids: readonly string[]) => Promise<void>
  /** What the agent encrypts with. */
  readonly encrypt: Writer
  /** For a worker's options. */
  readonly worker: ReturnType<typeof encryptedConverter>
  /** Reads results, memos and answers. */
  readonly client: (bare: Client) => Client
}

export async function sharedKeys(...ids: readonly string[]): Promise<SharedKeys> {
  const file = join(tempFolder(), 'keys.yaml')
  replaceKeys(file, ...ids)
  const open = async (): Promise<PayloadKeys> => {
    const keys = await openPayloadKeys({ file }, keptLog())
    onTestFinished(() => keys.close())
    return keys
  }
  const [workerKeys, clientKeys] = [await open(), await open()]
  let agent = await open()
  return {
    rotate: async (...next) => {
      replaceKeys(file, ...next)
      agent = await open()
    },
    encrypt: (value) => agent.encode(plainly(value)),
    worker: encryptedConverter(workerKeys),
    client: ({ connection }) => new Client({ connection, ...encryptedConverter(clientKeys) }),
  }
}

export interface Start {
  readonly workflowType: string
  readonly workflowId: string
  /** Default: its id. */
  readonly taskQueue?: string
  readonly args: readonly unknown[]
}

/** The agent's call: arguments and memo as `write` has them, the header in plain. */
export async function startRaw(
  client: Client,
  { workflowType, workflowId, args, taskQueue = workflowId }: Start,
  write: Writer,
): Promise<void> {
  await client.workflowService.startWorkflowExecution({
    namespace: 'default',
    workflowId,
    workflowType: { name: workflowType },
    taskQueue: { name: taskQueue },
    input: { payloads: args.map(write) },
    requestId: workflowId,
    header: { fields: { actor: plainly('plain-header') } },
    memo: { fields: { note: write('canary-memo') } },
  })
}

export async function signalRaw(client: Client, workflowId: string, signalName: string, value: Payload): Promise<void> {
  const call = { namespace: 'default', workflowExecution: { workflowId }, signalName, input: { payloads: [value] } }
  await client.workflowService.signalWorkflowExecution(call)
}
