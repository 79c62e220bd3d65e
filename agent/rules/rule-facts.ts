import type { Evidence } from '../identity/evidence.ts'
import type { Identity } from '../identity/identity.ts'
import type { Facts } from './cel.ts'
import {
  ANONYMOUS,
  type Captures,
  ConnectionView,
  identityView,
  NO_CAPTURES,
  NO_VERDICT,
  type RequestView,
} from './facts.ts'
import type { CompiledRule } from './rule.ts'
import type { Policy } from './rule-set.ts'

/** A server name as rules compare it: in small letters, without the dot that may end a full name. */
function canonicalName(sni: string): string {
  const name = sni.endsWith('.') ? sni.slice(0, -1) : sni
  return /[A-Z]/.test(name) ? name.toLowerCase() : name
}

/** `connection` of expressions. */
export function connectionOf({ source, tls, tlsVersion, sni, alpn }: Evidence): ConnectionView {
  return new ConnectionView(source, tls, tlsVersion, sni === undefined ? '' : canonicalName(sni), alpn)
}

/** What the expressions of one rule see. */
export function factsOf(
  rule: CompiledRule,
  policy: Policy,
  request: RequestView,
  connection: ConnectionView,
  identity: Identity | undefined,
): Facts {
  return {
    request,
    connection,
    identity: identity === undefined ? ANONYMOUS : identityView(identity),
    captures: rule.captures.length === 0 ? NO_CAPTURES : capturesOf(rule, request.path),
    verdict: rule.readsVerdict ? policy.verdicts.lookup(identity, connection.source) : NO_VERDICT,
  }
}

/** Of several patterns the first that fits. */
function capturesOf({ match, pathRegex }: CompiledRule, path: string): Captures {
  const found = Object.create(null) as Record<string, string>
  match.paths?.find((pattern) => pattern.matches(path))?.capture(path, found)
  pathRegex?.capture(path, found)
  return found
}
