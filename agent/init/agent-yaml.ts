import type { Answers } from './answers.ts'

/** Name of the provider: rules, metrics and records know it by that. */
const PROVIDER = 'callers'

/** Shipped workflows that many requests share, and what tells theirs apart. */
const SHARED: Readonly<Record<string, 'signal' | 'meter'>> = { auditTrail: 'signal', usageMeter: 'meter' }

/** agent.yaml for these answers. */
export function agentYaml(answers: Answers): string {
  const parts = [HEAD, providerOf(answers), RULES, publicRule(answers), protectedRules(answers), DEFAULT]
  return parts.filter((part) => part !== '').join('\n')
}

const HEAD = `# yaml-language-server: $schema=agent.schema.json
# haproxy-temporal. Paths are relative to this file; \${NAME} and \${NAME:-default} take environment variables.
# Every key: docs/reference.md of haproxy-temporal. After a change: npx haproxy-temporal check
version: 1

spop:
  listen: ["tcp://127.0.0.1:\${SPOP_PORT:-9000}"] # haproxy.cfg uses the same variable
  deadline: \${SPOP_DEADLINE:-40ms} # every request is answered by then; below HAProxy's "timeout processing"

admin:
  listen: "tcp://127.0.0.1:\${ADMIN_PORT:-9101}" # /metrics /healthz /readyz /status /outbox, POST /revocations, POST /reload

temporal:
  address: \${TEMPORAL_ADDRESS:-127.0.0.1:7233}
  namespace: \${TEMPORAL_NAMESPACE:-default}

outbox:
  path: \${OUTBOX_PATH:-.data/outbox.db} # where "durable" events wait until Temporal has them
`

const RULES = `# The first rule that matches decides. A rule says who may call, or it is no rule.
rules:`

const DEFAULT = `# What no rule matches.
default: { deny: 403 }
`

function providerOf({ preset, settings }: Answers): string {
  const lines = [
    '# Who is trusted to name callers, and whose tokens those are.',
    'identity:',
    '  providers:',
    `    ${PROVIDER}:`,
  ]
  lines.push(`      preset: ${preset}`)
  const nested = new Map<string, string[]>()
  for (const [name, values] of settings) {
    const [key, inner] = split(name)
    if (inner === undefined) lines.push(`      ${key}: ${listed(values)}`)
    else nested.set(key, [...(nested.get(key) ?? []), `${scalar(inner)}: ${listed(values)}`])
  }
  for (const [key, entries] of nested) lines.push(`      ${key}: { ${entries.join(', ')} }`)
  return `${lines.join('\n')}\n`
}

/** `accounts.123` is the key `123` below `accounts`. */
function split(name: string): [key: string, inner?: string] {
  const dot = name.indexOf('.')
  return dot === -1 ? [name] : [name.slice(0, dot), name.slice(dot + 1)]
}

function publicRule({ open }: Answers): string {
  if (open.length === 0) return ''
  return `  # For everybody, without a token. haproxy.cfg lets plain paths of these pass while the agent is silent.
  - name: public
    match: { path: ${listed(open)} }
    identity: none
`
}

function protectedRules({ host, protect, workflow }: Answers): string {
  const lines = [
    '# No valid token: 401. The provider is away: 503. Scopes that callers must have: identity.scopes.',
    '- name: protected',
    `  match: { path: ${listed(protect)} }`,
    `  identity: { require: ${PROVIDER} }`,
    ...workflowLines(workflow),
  ]
  if (host === undefined) return indented(lines, 2)
  return `  # Rules of one host.\n  - host: ${scalar(host)}\n    rules:\n${indented(lines, 6)}`
}

function workflowLines(type: string | undefined): string[] {
  if (type === undefined) return []
  const kind = SHARED[type] ?? 'start'
  const key = kind === 'start' ? '' : ', key: identity.subject, keyAs: plain'
  const meaning =
    kind === 'start'
      ? 'Each request becomes a workflow; durable: on disk before Temporal has it.'
      : 'The requests of each caller belong to one workflow. keyAs: pseudonym keeps subjects out of its id, see docs/actor.md.'
  const delivery = kind === 'start' ? ', delivery: durable' : ''
  return [`  # ${meaning}`, `  workflow: { ${kind}: ${scalar(type)}${key}, taskQueue: edge${delivery} }`]
}

function indented(lines: readonly string[], blanks: number): string {
  return lines.map((line) => `${' '.repeat(blanks)}${line}\n`).join('')
}

/** One value as it is, several as a list. */
function listed(values: readonly string[]): string {
  const [only] = values
  return values.length === 1 && only !== undefined ? scalar(only) : `[${values.map(scalar).join(', ')}]`
}

/** Plain where YAML cannot read anything but this text into it, in quotes otherwise. */
function scalar(text: string): string {
  const isPlain = /^[A-Za-z/][A-Za-z0-9_./-]*$/.test(text) && !/^(?:true|false|null|yes|no|on|off)$/i.test(text)
  return isPlain ? text : JSON.stringify(text)
}
