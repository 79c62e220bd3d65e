import type { Conclusion } from './conclusion.ts'
import type { Evidence } from './evidence.ts'
import type { AuthResult } from './identity.ts'
import type { CredentialLocation } from './location.ts'
import { denied } from './reasons.ts'
import type { Scheme } from './scheme.ts'

/** How the caller of one requirement is proven. */
export interface Plan {
  authenticate(evidence: Evidence): AuthResult | Promise<AuthResult>
}

/** What judges the credential of one place: a scheme whose word is final, or all signed tokens together. */
export type Judge = Pick<Scheme, 'recognises' | 'authenticate'>

/** A place of the request and those whose credential may lie there, in the order of the rule. */
export interface PlacePlan {
  readonly location: CredentialLocation
  readonly judges: readonly Judge[]
}

/**
 * Any of several providers: the request must carry exactly one credential, which decides. A present but invalid one never
 * gives way to another, nor to none. The client certificate stands apart: every request of its connection has it, so it
 * counts only where the request carries nothing else.
 */
export class AnyPlan implements Plan {
  readonly #places: readonly PlacePlan[]
  readonly #ambient: readonly Judge[]
  readonly #conclusion: Conclusion

  constructor(places: readonly PlacePlan[], conclusion: Conclusion) {
    this.#places = places.filter(({ location }) => location.exclusive)
    this.#ambient = places.filter(({ location }) => !location.exclusive).flatMap(({ judges }) => judges)
    this.#conclusion = conclusion
  }

  authenticate(evidence: Evidence): AuthResult | Promise<AuthResult> {
    let credential: string | undefined
    let found: readonly Judge[] = []
    for (const { location, judges } of this.#places) {
      const value = location.read(evidence)
      if (value === undefined) continue
      if (typeof value !== 'string') return this.#conclusion.of(0, value, evidence)
      if (credential !== undefined) return this.#conclusion.of(0, denied('multiple_credentials'), evidence)
      credential = value
      found = judges
    }
    if (credential === undefined) return this.#withoutCredential(evidence)
    const judge = found.length === 1 ? found[0] : recogniser(found, credential)
    if (judge === undefined) return this.#conclusion.of(0, denied('malformed_token'), evidence)
    return judge.authenticate(credential, evidence)
  }

  #withoutCredential(evidence: Evidence): AuthResult | Promise<AuthResult> {
    const [judge] = this.#ambient
    if (judge !== undefined && evidence.certificate !== undefined) return judge.authenticate('', evidence)
    const reason = judge !== undefined && this.#places.length === 0 ? 'client_cert_required' : 'no_credentials'
    return this.#conclusion.of(0, denied(reason), evidence)
  }
}

/** All of several providers: each finds one credential of its own, and the first one's identity is the caller's. */
export class AllPlan implements Plan {
  readonly #plans: readonly Plan[]

  constructor(plans: readonly Plan[]) {
    this.#plans = plans
  }

  authenticate(evidence: Evidence): AuthResult | Promise<AuthResult> {
    return this.#from(0, undefined, evidence)
  }

  #from(first: number, caller: AuthResult | undefined, evidence: Evidence): AuthResult | Promise<AuthResult> {
    let known = caller
    for (let i = first; i < this.#plans.length; i++) {
      const result = this.#plans[i]?.authenticate(evidence)
      if (result === undefined) continue
      if (result instanceof Promise) {
        const before = known
        return result.then((late) => (late.ok ? this.#from(i + 1, before ?? late, evidence) : late))
      }
      if (!result.ok) return result
      known ??= result
    }
    return known ?? denied('internal_error')
  }
}

function recogniser(judges: readonly Judge[], credential: string): Judge | undefined {
  for (const judge of judges) if (judge.recognises(credential)) return judge
  return undefined
}
