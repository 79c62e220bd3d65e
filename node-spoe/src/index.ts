export { createAgent } from './server.ts'
export { message } from './api.ts'
export type {
  Agent,
  AgentCounters,
  AgentOptions,
  AgentSession,
  ArgType,
  ArgValues,
  DrainOptions,
  Fallback,
  FallbackCause,
  Handlers,
  ListenOptions,
  MessageHandler,
  MessageView,
  Reply,
  SessionLink,
} from './api.ts'
export type {
  Answer,
  ConnectionClose,
  ConnectionHello,
  ConnectionOpen,
  ConnectionRefused,
  DrainPhase,
} from './diagnostics.ts'
export { ERRORS, SpopError } from './errors.ts'
export type { SpopErrorCode } from './errors.ts'
export type { VariableValue } from './protocol/ack.ts'
export type { Scope } from './protocol/variable.ts'
