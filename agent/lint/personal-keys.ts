import type { Path } from '../config/document.ts'
import type { RuleConfig } from '../config/rules.ts'
import { type Finding, warning } from './finding.ts'
import type { LintInput } from './input.ts'

/** Facts that name a person, whatever the provider: OpenID Connect Core section 5.1, and what Entra adds to it. */
const PERSONAL =
  /\bidentity\s*\.\s*(?:subject|claims\s*(?:\.\s*|\[\s*["'])(?:sub|name|given_name|family_name|nickname|preferred_username|email|phone_number|upn|unique_name))\b/

/** A value that nobody reads there. */
const HASHED = /\bsha256\([^()]*\)/g

/**
 * Keys that put who called into workflow ids, where nobody has said whether they may: everyone who looks at the namespace
 * reads those, and no payload codec encrypts them.
 */
export function personalKeys({ loaded: { config, document } }: LintInput): Finding[] {
  return config.rules.flatMap((rule) => {
    if (rule.workflow === undefined || document.hasKey([...rule.at, 'workflow'], 'keyAs')) return []
    return keysOf(rule).flatMap(({ path, source }) => {
      const [fact] = PERSONAL.exec(source.replace(HASHED, '')) ?? []
      if (fact === undefined) return []
      const message = `workflow ids of rule "${rule.name}" hold ${fact}, which may be personal data`
      return [warning(document.atValue('CONFIG_KEY_PERSONAL', path, message))]
    })
  })
}

/** The expressions of a rule whose values become parts of workflow ids. */
function keysOf({ at, workflow }: RuleConfig): { path: Path; source: string }[] {
  const over = workflow?.budget?.then
  return [
    { path: [...at, 'workflow', 'key'], source: workflow?.key },
    { path: [...at, 'workflow', 'idempotencyKey'], source: workflow?.idempotencyKey },
    { path: [...at, 'workflow', 'budget', 'then', 'key'], source: typeof over === 'object' ? over.key : undefined },
  ].flatMap(({ path, source }) => (source === undefined ? [] : [{ path, source }]))
}
