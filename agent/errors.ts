/**
 * Every error of the configuration and of the commands: its code is stable, its hint says how to mend it. The CLI prints
 * from this table, and tests hold the documentation to it. Reasons for refusing a request are in identity/reasons.ts.
 */
export const ERRORS = {
  CONFIG_UNREADABLE: 'Check the path; --config names another file.',
  CONFIG_SYNTAX: 'The file is not valid YAML at this place.',
  CONFIG_UNKNOWN_KEY: 'Remove the key or correct its name.',
  CONFIG_INVALID: 'See docs/configuration.md for what this key takes.',
  CONFIG_MISSING: 'Add the key.',
  CONFIG_ENV_UNSET: 'Set the variable, or give a default: ${NAME:-default}.',
  CONFIG_ENV_SYNTAX: 'Write ${NAME} or ${NAME:-default}; a literal "${" is written "$${".',
  CONFIG_DURATION: 'A duration is a number and a unit: 500us, 40ms, 2s, 5m, 1h.',
  CONFIG_ADDRESS: 'An address is tcp://host:port, tcp://[::1]:port or unix:///path.',
  CONFIG_CEL: 'The expression is CEL over request, connection and identity: see docs/configuration.md.',
  CONFIG_REFERENCE: 'Names must refer to something this file declares.',
  CONFIG_IDENTITY_UNSTATED: 'Say who may call: "identity: none", or "identity: { require: <provider> }".',
  CONFIG_CONFLICT: 'Keep one of the two.',
  HAPROXY_BACKEND_MISSING: 'Add the backend to haproxy.cfg, or correct the route.',
  HAPROXY_UNREADABLE: 'Check the path; --haproxy and --spoe name other files.',
  HAPROXY_REFUSES: 'HAProxy itself refuses its configuration: its message is above.',
  HAPROXY_WARNS: 'HAProxy warns about its configuration: its message is above.',
  SPOE_DEADLINE: 'spop.deadline must be below "timeout processing", or HAProxy stops waiting before the agent answers.',
  SPOE_ARGUMENT_MISSING: 'Add the argument to the spoe-message, as in the shipped spoe.conf.',
  SPOE_MESSAGE_MISSING: 'Add the spoe-message, with an event, and name it in the "messages" line of the spoe-agent.',
  SPOE_VARIABLE_UNREGISTERED: 'Add the name to "register-var-names" in spoe.conf, or HAProxy drops it silently.',
  TOOL_MISSING: 'Run "make setup", or put the tool on PATH.',
} as const

export type ErrorCode = keyof typeof ERRORS

/** An error meant for the user: printed as one line and a hint, never as a stack. */
export class UserError extends Error {
  override readonly name = 'UserError'
  readonly code: ErrorCode

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }

  get hint(): string {
    return ERRORS[this.code]
  }
}
