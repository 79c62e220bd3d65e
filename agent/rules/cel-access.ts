import { EvaluationError } from '@marcbachmann/cel-js'
import { FIELDS, type Root } from './cel-fields.ts'
import type { EvaluationContext, Step } from './cel-node.ts'
import type { Captures, ConnectionView, IdentityView, RequestView, VerdictView } from './facts.ts'

/** Maps whose keys are known at load. */
export type Keyed = 'captures' | 'headers' | 'params'

const request = (context: EvaluationContext): RequestView => context.getValue('request') as RequestView
const connection = (context: EvaluationContext): ConnectionView => context.getValue('connection') as ConnectionView
const identity = (context: EvaluationContext): IdentityView => context.getValue('identity') as IdentityView
const verdict = (context: EvaluationContext): VerdictView => context.getValue('verdict') as VerdictView

type Steps<Fields> = { readonly [Field in keyof Fields]: Step }

/** One function a field, so that each reads its property as fast as code can. The library looks for types first. */
const REQUEST: Steps<Omit<(typeof FIELDS)['Request'], 'headers' | 'params'>> = {
  id: (_, __, context) => request(context).id,
  method: (_, __, context) => request(context).method,
  host: (_, __, context) => request(context).host,
  path: (_, __, context) => request(context).path,
  query: (_, __, context) => request(context).query,
  time: (_, __, context) => request(context).time,
}
const CONNECTION: Steps<(typeof FIELDS)['Connection']> = {
  source: (_, __, context) => connection(context).source,
  tls: (_, __, context) => connection(context).tls,
  tlsVersion: (_, __, context) => connection(context).tlsVersion,
  sni: (_, __, context) => connection(context).sni,
  alpn: (_, __, context) => connection(context).alpn,
}
const IDENTITY: Steps<(typeof FIELDS)['Identity']> = {
  provider: (_, __, context) => identity(context).provider,
  issuer: (_, __, context) => identity(context).issuer,
  subject: (_, __, context) => identity(context).subject,
  tenant: (_, __, context) => identity(context).tenant,
  roles: (_, __, context) => identity(context).roles,
  scopes: (_, __, context) => identity(context).scopes,
  claims: (_, __, context) => identity(context).claims,
}
const VERDICT: Steps<(typeof FIELDS)['Verdict']> = {
  block: (_, __, context) => verdict(context).block,
  route: (_, __, context) => verdict(context).route,
  reason: (_, __, context) => verdict(context).reason,
  limit: (_, __, context) => verdict(context).limit,
  tags: (_, __, context) => verdict(context).tags,
}
const BY_ROOT: Readonly<Record<Root, Readonly<Record<string, Step>>>> = {
  request: REQUEST,
  connection: CONNECTION,
  identity: IDENTITY,
  verdict: VERDICT,
}

/** Reads a field of the facts. */
export function fieldStep(root: Root, field: string): Step {
  const step = BY_ROOT[root][field]
  if (step === undefined) throw new Error(`no field ${root}.${field}`)
  return step
}

/** Reads an entry; one that is not there is an evaluation error, as a claim is. */
export function entryStep(map: Keyed, name: string): Step {
  const read = reader(map, name)
  return (_, __, context) => {
    const value = read(context)
    if (value === undefined) throw new EvaluationError(`${place(map)} has no "${name}"`)
    return value
  }
}

/** Whether there is such an entry. */
export function presenceStep(map: Keyed, name: string): Step {
  switch (map) {
    case 'headers':
      return (_, __, context) => request(context).hasHeader(name)
    case 'params':
      return (_, __, context) => request(context).hasParam(name)
    case 'captures':
      return (_, __, context) => Object.hasOwn(captures(context), name)
  }
}

function reader(map: Keyed, name: string): (context: EvaluationContext) => string | undefined {
  switch (map) {
    case 'headers':
      return (context) => request(context).header(name)
    case 'params':
      return (context) => request(context).param(name)
    case 'captures':
      return (context) => {
        const found = captures(context)
        return Object.hasOwn(found, name) ? found[name] : undefined
      }
  }
}

function captures(context: EvaluationContext): Captures {
  return context.getValue('captures') as Captures
}

function place(map: Keyed): string {
  return map === 'captures' ? map : `request.${map}`
}
