import { loadConfig } from '../config/load.ts'
import { ConfigError } from '../config/problem.ts'
import type { AgentConfig } from '../config/schema.ts'
import { askHaproxy } from '../lint/haproxy-binary.ts'
import { compileRules } from '../rules/compile.ts'

export interface ValidateOptions {
  readonly config: string
  readonly haproxy: string
  readonly haproxyBinary: string
  /** What the processes will get on top of this one's environment. */
  readonly env: Readonly<Record<string, string>>
}

/**
 * Asks before anything is started what the agent and HAProxy would refuse: from their logs a user learns it late and
 * without its place.
 * @throws {ConfigError} with what the first of them that refuses has to say
 */
export function validate({ config: file, haproxy, haproxyBinary, env }: ValidateOptions): AgentConfig {
  const { config, document } = loadConfig(file, { ...process.env, ...env })
  compileRules(config, document)
  const problems = askHaproxy(haproxyBinary, haproxy, env)
  if (problems.some(({ severity }) => severity === 'error')) throw new ConfigError(problems)
  return config
}
