import type { Headers } from '@temporalio/common'
import {
  log,
  type WorkflowInboundCallsInterceptor,
  type WorkflowInterceptors,
  type WorkflowOutboundCallsInterceptor,
} from '@temporalio/workflow'
import type { Origin } from '../../agent/messages.ts'
import { readActor, readEnvelope, withCaller, type Caller } from './actor-header.ts'
import { signalOrigin, startOrigin } from './origin.ts'
import { currentCaller, runAs } from './workflow-actor.ts'

const warn = (message: string) => log.warn(message)

function callerOf(headers: Headers, origin: Origin): Caller {
  return { actor: readActor(headers, warn), envelope: readEnvelope(headers), origin }
}

/** One per workflow run. Handlers are set by workflow code, so a signal is handled after `execute` has begun. */
function createInbound(): WorkflowInboundCallsInterceptor {
  let start: Origin = { at: 0, ancestors: [] }
  return {
    execute(input, next) {
      start = startOrigin(input.headers)
      return runAs(callerOf(input.headers, start), () => next(input))
    },
    handleSignal: (input, next) => runAs(callerOf(input.headers, signalOrigin(start)), () => next(input)),
  }
}

/** Whatever leaves the workflow says on whose behalf. The server copies headers to nothing by itself. */
const outbound: WorkflowOutboundCallsInterceptor = {
  scheduleActivity: (input, next) => next({ ...input, headers: withCaller(input.headers, currentCaller()) }),
  scheduleLocalActivity: (input, next) => next({ ...input, headers: withCaller(input.headers, currentCaller()) }),
  startChildWorkflowExecution: (input, next) => next({ ...input, headers: withCaller(input.headers, currentCaller()) }),
  signalWorkflow: (input, next) => next({ ...input, headers: withCaller(input.headers, currentCaller()) }),
  continueAsNew: (input, next) => next({ ...input, headers: withCaller(input.headers, currentCaller()) }),
}

/** Carries the caller's identity through workflows. Bundled into every workflow by `bundle.ts`. */
export const interceptors = (): WorkflowInterceptors => ({ inbound: [createInbound()], outbound: [outbound] })
