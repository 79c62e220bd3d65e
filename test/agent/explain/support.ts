import { parseConfig } from '../../../agent/config/load.ts'
import type { LoadedConfig } from '../../../agent/config/load.ts'
import { explain, type ExplainOptions } from '../../../agent/explain/explain.ts'
import type { Explanation } from '../../../agent/explain/explanation.ts'
import { requestOf, type RequestOptions } from '../../../agent/explain/parse-request.ts'
import { assumedOf } from '../../../agent/explain/assumed.ts'

/** Nobody listens there. */
export const HEAD = `version: 1
spop: { listen: "tcp://127.0.0.1:9000" }
temporal: { address: "127.0.0.1:7233" }
identity:
  providers:
    corp: { issuer: "http://127.0.0.1:1", audience: [a] }
    other: { issuer: "http://127.0.0.1:1/other", audience: [a] }
`

/** A configuration with these rules. */
export function configOf(rules: string): LoadedConfig {
  return parseConfig('agent.yaml', `${HEAD}rules:\n${rules}`, {})
}

type Given = Partial<RequestOptions> & { as?: object; options?: Partial<ExplainOptions> }

/** What `explain` says of a request. */
export async function explained(
  rules: string,
  request: string,
  { as, options, ...more }: Given = {},
): Promise<Explanation> {
  const { explanation } = await explain(configOf(rules), requestOf({ request, ...more }), {
    ...(as !== undefined && { as: assumedOf(as, 'identity.json') }),
    timeoutMs: 5000,
    progress: () => {},
    ...options,
  })
  return explanation
}
