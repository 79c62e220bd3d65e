import { Client, Connection } from '@temporalio/client'
import { encryptedConverter } from '../../workflows/codec.ts'
import { openPayloadKeys } from '../crypto/payload-keys.ts'
import { createLogger } from '../log.ts'
import type { Stack } from './stack.ts'

/**
 * Lends a client that reads what the agent and the workers of a stack write, encrypted or not.
 * @throws {ConfigError} when agent.yaml names keys that cannot be used
 */
export async function withWorkflowReader<T>(
  { temporalAddress, payloadKeys }: Pick<Stack, 'temporalAddress' | 'payloadKeys'>,
  read: (client: Client) => Promise<T>,
): Promise<T> {
  // What is to be said about the file itself, agent and worker have said in their logs.
  const keys = payloadKeys && (await openPayloadKeys(payloadKeys, createLogger('error', 'dev')))
  try {
    const connection = await Connection.connect({ address: temporalAddress })
    try {
      return await read(new Client({ connection, ...(keys !== undefined && encryptedConverter(keys)) }))
    } finally {
      await connection.close()
    }
  } finally {
    keys?.close()
  }
}
