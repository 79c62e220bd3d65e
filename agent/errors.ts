/**
 * Every error of the configuration and of the commands: its code is stable, its hint says how to mend it. The CLI prints
 * from this table, and tests hold the documentation to it. Reasons for refusing a request are in identity/reasons.ts.
 */
export const ERRORS = {
  CONFIG_UNREADABLE: 'Check the path; --config names another file.',
  CONFIG_SYNTAX: 'The file is not valid YAML at this place.',
  CONFIG_UNKNOWN_KEY: 'Remove the key or correct its name.',
  CONFIG_INVALID: 'See docs/reference.md for what this key takes.',
  CONFIG_MISSING: 'Add the key.',
  CONFIG_ENV_UNSET: 'Set the variable, or give a default: ${NAME:-default}.',
  CONFIG_ENV_SYNTAX: 'Write ${NAME} or ${NAME:-default}; a literal "${" is written "$${".',
  CONFIG_DURATION: 'A duration is a number and a unit: 500us, 40ms, 2s, 5m, 1h.',
  CONFIG_ADDRESS: 'An address is tcp://host:port, tcp://[::1]:port or unix:///path.',
  CONFIG_CEL: 'The expression is CEL over request, connection and identity: see docs/configuration.md.',
  CONFIG_REFERENCE: 'Names must refer to something this file declares.',
  CONFIG_IDENTITY_UNSTATED: 'Say who may call: "identity: none", or "identity: { require: <provider> }".',
  CONFIG_CONFLICT: 'Keep one of the two.',
  CONFIG_KEY_PERSONAL:
    'Write "keyAs: pseudonym", with "actor.pseudonyms", or "keyAs: plain" where all who see the namespace may know: docs/actor.md.',
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
  HAPROXY_UNIQUE_ID_COMMON:
    'Let HAProxy make it, as in the shipped haproxy.cfg: "unique-id-format %{+X}o\\ %Ts-%[uuid]".',
  HAPROXY_TCP_FRONTEND:
    'Write "mode http" in the frontend, or let an event of TCP send the message: HTTP events never come in mode tcp.',
  HAPROXY_FRONTEND_UNASKED: 'Give the frontend the filter and the rules of the one that asks, or backends of its own.',
  HAPROXY_ROUTE_UNUSED:
    'Add "use_backend %[var(txn.temporal.route)] if { var(txn.temporal.route) -m found }" to the frontend.',
  HAPROXY_REDIRECT_UNUSED:
    'Add "http-request redirect location %[var(txn.temporal.location)] code 302 if { var(txn.temporal.location) -m found }" above the other refusals.',
  HAPROXY_STATUS_UNUSED: 'Add a rule for this status, as the shipped haproxy.cfg has for the others.',
  HAPROXY_VARIABLE_UNSET: 'Correct the name, or set the variable: rules do it with "set".',
  HAPROXY_VARIABLE_SCOPE: 'Use the scope txn: it ends with the request and its response.',
  HAPROXY_ERROR_MATCH: 'Write "-m found": the variable is there when there was an error, and only then.',
  HAPROXY_AGENT_ORDER:
    'Write "mode spop" for HAProxy 3.1 and later, as in the shipped haproxy.cfg, or put the backend below the frontend.',
  HAPROXY_AGENT_TIMEOUT: 'Add "timeout connect 1s" and "timeout server 2m" to the backend of the agent.',
  HAPROXY_AGENT_CHECK: 'Add "option spop-check" to the backend of the agent, and "check" to its servers.',
  HAPROXY_AGENT_MAXCONN: 'Leave it out: the agent bounds what it takes, and answers what is too much at once.',
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
  SPOE_TIMEOUT_MISSING: 'Add "timeout hello 1s" and "timeout idle 2m" to the spoe-agent.',
  SPOE_NO_PIPELINING:
    'Leave the line out: the agent answers many requests on one connection, and without it HAProxy 2.6.12 forgets questions: they wait until "timeout processing" ends them.',
  SPOE_KEYWORD_IGNORED:
    'Do not count on it: idle connections are a matter of the backend of the agent since 3.1 ("pool-max-conn", "timeout server").',
  SPOE_ENGINE_UNUSED:
    'Add "filter spoe engine <name> config spoe.conf" to a frontend, with the name that stands in [ ] above the agent.',
  SPOE_MESSAGE_UNSENT:
    'Give the message an event and name it in "messages" of the spoe-agent, or name it in a spoe-group.',
  SPOE_GROUP_UNSENT: 'Send it with "http-request send-spoe-group <engine> <group>".',
  SPOE_GROUP_TWICE: 'A message belongs to one group: give the other group a message of its own.',
  SPOE_EVENT_TWICE: 'Keep one event; another message with the same arguments may have the other one.',
  SPOE_ARGUMENT_UNNAMED: 'Write "name=fetch".',
  SPOE_ARGUMENT_TWICE: 'Keep one of the two, or give it another name.',
  SPOE_ARGUMENT_COUNT: 'Send fewer arguments, or some of them in another message.',
  SPOE_BODY_UNBUFFERED:
    'Add "http-request wait-for-body time 5s" above the "send-spoe-group", or "option http-buffer-request" where an event sends the message.',
  SPOE_FRAME_SIZE: '"max-frame-size" is at most "tune.bufsize" less 4, and at most spop.maxFrameSize of agent.yaml.',
  SPOE_FRAME_OVERFLOW:
    'Send each part of a request once, and leave "max-frame-size" out: what does not fit is not asked, and such requests end with 503.',
  SPOE_VARIABLE_LENGTH: 'Choose a shorter name.',
  REVOCATION_LIST:
    'The list is read as a whole or not at all: correct the entry that is named; "revoke purge" drops those that are over.',
  EXPLAIN_INPUT: 'See docs/explain.md for what explain reads.',
  EXPLAIN_UNREACHABLE:
    'A provider could not be asked from here. Run explain where the agent runs, or say who calls with --as identity.json.',
  EXPLAIN_NOT_FOUND: 'Look into the file that has the request: --log names it, a rotated one too.',
  OUTBOX_MISSING:
    'The agent has not run with this outbox.path yet, or in another environment: --config and --file name others.',
  OUTBOX_LOCKED: 'The agent holds it, or another program does: --admin names the admin server, or end that program.',
  OUTBOX_NO_ADMIN: 'Set admin.listen in agent.yaml and start the agent again, or stop it for as long as this takes.',
  OUTBOX_UNUSABLE:
    'Run it as the user of the agent; docs/outbox.md tells about files that are damaged, newer, or on a full disk.',
  OUTBOX_ENCRYPTED: 'The file of outbox.encryptionKey must have the keys that were in use when the rows were written.',
  OUTBOX_REFUSED: 'See docs/outbox.md, and the log of the agent.',
  OUTBOX_UNKNOWN_RULE: 'Rules are named by agent.yaml; one that is gone can be paused while events of it wait.',
  ADMIN_UNREACHABLE: 'Does the agent run, with this file and environment? --admin names another address.',
  TEST_NONE: 'Name files of tests, or patterns of them; docs/testing.md tells what stands in one.',
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
