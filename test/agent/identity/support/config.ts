import { parseConfig } from '../../../../agent/config/load.ts'
import type { AgentConfig } from '../../../../agent/config/schema.ts'

/** A configuration without rules. @param identity what stands below `identity:`, indented */
export function configWith(identity: string): AgentConfig {
  const text = `version: 1
spop: { listen: "tcp://127.0.0.1:9000" }
temporal: { address: "127.0.0.1:7233" }
rules: []
identity:
${identity}`
  return parseConfig('agent.yaml', text, {}).config
}
