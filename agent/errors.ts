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
  CONFIG_FILE_MISSING: 'The file must exist and be readable; a relative path starts at the folder of agent.yaml.',
  HAPROXY_BACKEND_MISSING: 'Add the backend to haproxy.cfg, or correct the route.',
  HAPROXY_ROUTE_TO_AGENT: 'A route names a backend of HTTP servers.',
  HAPROXY_AGENT_ADDRESS:
    'spop.listen of agent.yaml and the "server" lines of the backend in "use-backend" must name the same port or socket.',
  HAPROXY_FILTER_MISSING:
    'Add "filter spoe engine temporal config spoe.conf" to the frontend, as in the shipped haproxy.cfg.',
  HAPROXY_FAIL_OPEN:
    'Refuse what was not allowed: "http-request deny unless { var(txn.temporal.decision) -m str allow }".',
  HAPROXY_UNIQUE_ID_MISSING:
    'Add "unique-id-format" to the frontend, as in the shipped haproxy.cfg, or requests go by another name in its log than in Temporal.',
  HAPROXY_UNREADABLE: 'Check the path; --haproxy and --spoe name other files.',
  HAPROXY_REFUSES: 'HAProxy does not start with this; docs.haproxy.org tells what each keyword takes.',
  HAPROXY_WARNS: 'HAProxy starts, but may not do what was meant; docs.haproxy.org tells what each keyword takes.',
  SPOE_DEADLINE: 'spop.deadline must be below "timeout processing", or HAProxy stops waiting before the agent answers.',
  SPOE_BACKEND_MISSING: 'Name the backend of haproxy.cfg that leads to the agent: "use-backend spoe-agents".',
  SPOE_VAR_PREFIX: 'Write "option var-prefix temporal": haproxy.cfg would wait for variables that never come.',
  SPOE_OPTION_MISSING: 'Add the line to the spoe-agent, as in the shipped spoe.conf.',
  SPOE_ARGUMENT_MISSING: 'Add the argument to the spoe-message, as in the shipped spoe.conf.',
  SPOE_ARGUMENT_FETCH:
    'Write "auth=req.fhdr(authorization) auth_count=req.fhdr_cnt(authorization)": other fetches split the header, or hide a second one.',
  SPOE_MESSAGE_MISSING: 'Add the spoe-message, with an event, and name it in the "messages" line of the spoe-agent.',
  SPOE_EVENT: 'Write "event on-frontend-http-request": later, requests are routed already; earlier, there is none.',
  SPOE_UNKNOWN_KEYWORD: 'A spoe-message takes "args", "event" and "acl".',
  SPOE_VARIABLE_UNREGISTERED: 'Add the name to "register-var-names" in spoe.conf, or HAProxy drops it silently.',
  REVOCATION_LIST:
    'The list is read as a whole or not at all: correct the entry that is named; "revoke purge" drops those that are over.',
  DEV_RUNNING: 'Stop the other one, or run this one from another folder.',
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
