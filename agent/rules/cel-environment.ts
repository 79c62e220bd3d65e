import { Environment } from '@marcbachmann/cel-js'
import { FIELDS } from './cel-fields.ts'
import { registerFunctions } from './cel-functions.ts'
import { MAX_NESTING, MAX_NODES } from './cel-limits.ts'
import { ConnectionView, IdentityView, RequestView, VerdictView } from './facts.ts'

/** What expressions are parsed and checked with. */
export const environment = registerFunctions(
  new Environment({ limits: { maxAstNodes: MAX_NODES, maxDepth: MAX_NESTING } })
    .registerType('Request', { ctor: RequestView, fields: FIELDS.Request })
    .registerType('Connection', { ctor: ConnectionView, fields: FIELDS.Connection })
    .registerType('Identity', { ctor: IdentityView, fields: FIELDS.Identity })
    .registerType('Verdict', { ctor: VerdictView, fields: FIELDS.Verdict })
    .registerVariable('request', 'Request')
    .registerVariable('connection', 'Connection')
    .registerVariable('identity', 'Identity')
    .registerVariable('verdict', 'Verdict')
    .registerVariable('captures', 'map<string, string>'),
)
