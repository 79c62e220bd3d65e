import {
  log,
  type WorkflowInboundCallsInterceptor,
  type WorkflowInterceptors,
  type WorkflowOutboundCallsInterceptor,
} from '@temporalio/workflow'
import { readActor, withActor } from './actor-header.ts'
import { currentActor, runAs } from './workflow-actor.ts'

const warn = (message: string) => log.warn(message)

const inbound: WorkflowInboundCallsInterceptor = {
  execute: (input, next) => runAs(readActor(input.headers, warn), () => next(input)),
  handleSignal: (input, next) => runAs(readActor(input.headers, warn), () => next(input)),
}

/** Whatever leaves the workflow says on whose behalf. The server copies headers to nothing by itself. */
const outbound: WorkflowOutboundCallsInterceptor = {
  scheduleActivity: (input, next) => next({ ...input, headers: withActor(input.headers, currentActor()) }),
  scheduleLocalActivity: (input, next) => next({ ...input, headers: withActor(input.headers, currentActor()) }),
  startChildWorkflowExecution: (input, next) => next({ ...input, headers: withActor(input.headers, currentActor()) }),
  signalWorkflow: (input, next) => next({ ...input, headers: withActor(input.headers, currentActor()) }),
  continueAsNew: (input, next) => next({ ...input, headers: withActor(input.headers, currentActor()) }),
}

/** Carries the caller's identity through workflows. Bundled into every workflow by `bundle.ts`. */
export const interceptors = (): WorkflowInterceptors => ({ inbound: [inbound], outbound: [outbound] })
