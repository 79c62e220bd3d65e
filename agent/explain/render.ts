import type { Caller } from './caller.ts'
import type { ExplainedRule, ExplainedStep, Explanation } from './explanation.ts'
import type { ReadValue } from './expression-values.ts'
import { table } from './table.ts'

export interface RenderOptions {
  /** With the rules that did not come into question, and all steps of those that did. */
  readonly all: boolean
}

/** An explanation for people. */
export function render(explanation: Explanation, { all }: RenderOptions): string {
  const { cost, notes } = explanation
  const parts = [
    requestLines(explanation),
    callerLine(explanation.caller),
    [''],
    decisionLines(explanation),
    [''],
    ruleLines(explanation, all),
    [''],
    variableLines(explanation),
    workflowLines(explanation),
    limitLines(explanation),
    explanation.shadows.map(
      ({ rule, decision, status, reason }) =>
        `shadow: ${rule} would ${decision} (${status} ${reason}); nothing came of it`,
    ),
    [''],
    [
      `cost: ${plural(cost.tried, 'rule')} tried of ${cost.rules}, ${cost.celParts} CEL parts at most; ${us(cost.firstUs)} this ` +
        `time${cost.againUs === undefined ? '' : `, ${us(cost.againUs)} once everything is known`}`,
    ],
    notes.map((note) => `note: ${note}`),
  ]
  return parts
    .flat()
    .filter((line, i, lines) => line !== '' || (i > 0 && lines[i - 1] !== ''))
    .join('\n')
}

function requestLines({ request }: Explanation): string[] {
  const { method, host, path, query, canonicalHost, canonicalPath, source, tls, tlsVersion, sni, headers, at } = request
  const scheme = tls ? 'https' : 'http'
  const seen: [string, string][] = [
    ['source', source],
    ['host', canonicalHost === host || canonicalHost === '' ? '' : canonicalHost],
    ['path', canonicalPath === path ? '' : canonicalPath === '' ? 'refused as ambiguous' : canonicalPath],
    ['TLS', tls ? [tlsVersion, sni === '' ? '' : `for ${sni}`].filter(Boolean).join(' ') : 'none'],
    ['at', at],
    ...headers.map(([name, value]): [string, string] => [name.toLowerCase(), value]),
    ...(request.certificate === undefined ? [] : [['certificate', request.certificate] as [string, string]]),
  ]
  const url =
    method === ''
      ? `a connection${tls ? ' over TLS' : ''}`
      : `${method} ${scheme}://${host}${path}${query && `?${query}`}`
  return [url, ...table(seen.filter(([, value]) => value !== '')).map((line) => `  ${line}`)]
}

function callerLine(caller: Caller): string[] {
  if (caller.state === 'not asked') return ['caller: nobody was asked who he is']
  if (caller.state === 'refused') return [`caller: not proven, ${caller.reason}`]
  const { state, provider, method, issuer, subject, tenant, roles, scopes, digest, keyId, expiresAt } = caller
  const how = { assumed: 'ASSUMED, not verified', recorded: 'as recorded', proven: `proven by ${method}` }[state]
  const facts: [string, string][] = [
    ['issuer', state === 'proven' ? issuer : ''],
    ['tenant', tenant],
    ['roles', roles.join(', ')],
    ['scopes', scopes.join(' ')],
    ['credential', digest ?? ''],
    ['key', keyId ?? ''],
    ['expires', expiresAt ?? ''],
  ]
  return [
    `caller: ${subject} of ${provider}, ${how}`,
    ...table(facts.filter(([, value]) => value !== '')).map((line) => `  ${line}`),
  ]
}

function decisionLines({ decision, status, reason, rule, place, route, location, hint, doc }: Explanation): string[] {
  const by = rule === undefined ? 'no rule matches' : `rule ${rule} (${place ?? ''})`
  const to = route === undefined ? '' : `, route ${route}`
  const verdict = decision === 'allow' ? `ALLOW ${reason}` : `DENY ${status} ${reason}`
  return [
    `${verdict}: ${by}${to}${location === undefined ? '' : `, to ${location}`}`,
    ...(hint === undefined ? [] : [`  hint: ${hint}`]),
    ...(doc === undefined ? [] : [`  see: ${doc}`]),
  ]
}

function ruleLines({ tried, skipped, notReached }: Explanation, all: boolean): string[] {
  const lines = tried.flatMap((rule) => [
    `  ${MARKS[rule.outcome]} ${rule.name}  ${rule.place}`,
    ...rule.steps.filter((step) => all || step.result !== 'passed').flatMap((step) => stepLines(step, all)),
    ...(rule.outcome === 'decided' ? ['      decides'] : []),
  ])
  const misfits = skipped.flatMap(({ name, place, misfits: found }) => [
    `  - ${name}  ${place}`,
    ...found.map(({ part, wanted, value }) => `      ${part}: ${json(value)} does not fit ${wanted.join(', ')}`),
  ])
  const rest = [
    ...(skipped.length > 0 && !all
      ? [`  ${plural(skipped.length, 'rule')} skipped for method, host or path: --all lists them`]
      : []),
    ...(notReached.length > 0
      ? [`  ${plural(notReached.length, 'rule')} behind it not reached${all ? `: ${notReached.join(', ')}` : ''}`]
      : []),
  ]
  return ['rules', ...lines, ...(all && misfits.length > 0 ? ['skipped', ...misfits] : []), ...rest]
}

const MARKS: Readonly<Record<ExplainedRule['outcome'], string>> = { decided: '=', 'no match': 'x', shadow: '~' }

function stepLines(
  { what, result, wanted, values, because, us: time, hint, doc }: ExplainedStep,
  all: boolean,
): string[] {
  const wants = wanted === undefined ? '' : `: ${typeof wanted === 'string' ? wanted : json(wanted)}`
  const why = because === undefined || because === '' ? '' : ` (${because})`
  return [
    `      ${what} ${result}${wants}${why}${all ? `  ${us(time)}` : ''}`,
    ...values.map((value) => `        ${valueText(value)}`),
    ...(all && hint !== undefined ? [`        hint: ${hint}`] : []),
    ...(all && doc !== undefined ? [`        see: ${doc}`] : []),
  ]
}

function valueText({ name, value }: ReadValue): string {
  return value === undefined ? `${name}: there is none` : `${name} = ${json(value)}`
}

function variableLines({ variables, unset }: Explanation): string[] {
  const rows = Object.entries(variables).map(([name, value]): [string, string] => [name, String(value)])
  return [
    'variables (txn.temporal.*)',
    ...table(rows).map((line) => `  ${line}`),
    ...unset.map(({ name, expression, because }) => `  ${name} is not set: ${expression} (${because})`),
  ]
}

function workflowLines({ workflow }: Explanation): string[] {
  if (workflow === undefined) return []
  const { kind, workflowType, workflowId, eventId, taskQueue, delivery, sample, sampledOut } = workflow
  const sampled =
    sample === 1 ? '' : sampledOut ? ', sampled out: nothing is sent' : `, sampled in (${sample} of the requests)`
  const values = (['data', 'memo', 'searchAttributes'] as const).flatMap((part) =>
    Object.entries(workflow[part]).map(([name, value]): [string, string] => [`${part}.${name}`, json(value)]),
  )
  const rows: [string, string][] = [
    ['workflow id', workflowId],
    ...(eventId === '' ? [] : [['event id', eventId] as [string, string]]),
    ['task queue', taskQueue],
    ['delivery', delivery],
    ...Object.entries(workflow.shape),
    ...(workflow.budget === undefined ? [] : [['budget', workflow.budget] as [string, string]]),
    ...values,
  ]
  const what = `workflow: ${kind}${workflowType && ` ${workflowType}`}${sampled}`
  return ['', what, ...table(rows).map((line) => `  ${line}`)]
}

function limitLines({ limits }: Explanation): string[] {
  return limits.map(
    ({ key, keyValue, rate, algorithm, burst }) =>
      `limit: ${rate} by ${key} = ${keyValue === undefined ? 'nothing' : json(keyValue)}, ${algorithm}` +
      (burst === undefined ? '' : `, burst ${burst}`),
  )
}

function json(value: unknown): string {
  return JSON.stringify(value)
}

/** Three digits: it is a measurement. */
export function us(value: number): string {
  return `${value < 100 ? value.toPrecision(2) : Math.round(value)} us`
}

export function plural(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`
}
