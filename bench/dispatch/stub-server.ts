import { createRequire } from 'node:module'
import type * as Grpc from '@grpc/grpc-js'
import proto from '@temporalio/proto'

/**
 * A WorkflowService that takes every start at once and keeps nothing: what is left is what the client costs. A process of
 * its own, which prints its port.
 */

// The SDK's own copy: a transitive dependency need not be hoisted.
const grpc = createRequire(createRequire(import.meta.url).resolve('@temporalio/client'))('@grpc/grpc-js') as typeof Grpc
const { GetSystemInfoResponse, StartWorkflowExecutionResponse } = proto.temporal.api.workflowservice.v1

/** Every answer is the same, so it is made once. */
function always(name: string, answer: Uint8Array): Grpc.MethodDefinition<object, object> {
  return {
    path: `/temporal.api.workflowservice.v1.WorkflowService/${name}`,
    requestStream: false,
    responseStream: false,
    requestSerialize: () => Buffer.alloc(0),
    requestDeserialize: () => ({}),
    responseSerialize: () => Buffer.from(answer),
    responseDeserialize: () => ({}),
  }
}

const server = new grpc.Server()
const reply = (_: object, done: (error: null, answer: object) => void): void => done(null, {})
server.addService(
  {
    start: always(
      'StartWorkflowExecution',
      StartWorkflowExecutionResponse.encode({ runId: 'run', started: true }).finish(),
    ),
    info: always('GetSystemInfo', GetSystemInfoResponse.encode({ serverVersion: 'stub', capabilities: {} }).finish()),
  },
  { start: reply, info: reply },
)
server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error
  console.log(port)
})
// Its owner has ended, however it did.
process.stdin.on('end', () => process.exit(0)).resume()
