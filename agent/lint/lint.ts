import { agentBackend } from './agent-backend.ts'
import { agentSection } from './agent-section.ts'
import { answers } from './answers.ts'
import { messageArguments } from './arguments.ts'
import { backends } from './backends.ts'
import { bodies } from './bodies.ts'
import { contract } from './contract.ts'
import { enginesAndGroups } from './engines-groups.ts'
import type { Finding } from './finding.ts'
import { frames } from './frames.ts'
import { haproxyRules } from './haproxy-rules.ts'
import type { LintInput } from './input.ts'
import { messages } from './messages.ts'
import { personalKeys } from './personal-keys.ts'
import { unasked } from './unasked.ts'
import { variableUse } from './variable-use.ts'
import { variables } from './variables.ts'

const TOPICS: readonly ((input: LintInput) => Finding[])[] = [
  backends,
  agentBackend,
  agentSection,
  enginesAndGroups,
  messages,
  contract,
  messageArguments,
  frames,
  bodies,
  variables,
  variableUse,
  haproxyRules,
  unasked,
  answers,
  personalKeys,
]

/**
 * What each file may say by itself, but not beside the others, and what HAProxy takes without a word. In the order of
 * the files and of their lines.
 */
export function lint(input: LintInput): Finding[] {
  const files = [input.loaded.document.file, input.haproxy.file, input.spoe.file]
  return TOPICS.flatMap((topic) => topic(input)).toSorted(
    (a, b) => files.indexOf(a.file) - files.indexOf(b.file) || a.line - b.line || a.column - b.column,
  )
}
