import type { Problem } from '../config/problem.ts'
import { agentSection } from './agent-section.ts'
import { backends } from './backends.ts'
import { credentials } from './credentials.ts'
import { haproxyRules } from './haproxy-rules.ts'
import type { LintInput } from './input.ts'
import { messages } from './messages.ts'
import { variables } from './variables.ts'

/** What each file may say by itself, but not beside the others. HAProxy is silent about almost every one of these. */
export function lint(input: LintInput): Problem[] {
  return [backends, agentSection, messages, credentials, variables, haproxyRules].flatMap((topic) => topic(input))
}
