export { createAgent } from './server.ts'
export { message } from './api.ts'
export type {
  Agent,
  AgentCounters,
  AgentOptions,
  ArgType,
  ArgValues,
  DrainOptions,
  FallbackCause,
  MessageHandler,
  MessageView,
  RawValue,
  Reply,
} from './api.ts'
export { ERRORS, SpopError } from './errors.ts'
export type { SpopErrorCode } from './errors.ts'
export type { VariableValue } from './protocol/ack.ts'
export type { Scope } from './protocol/variable.ts'
