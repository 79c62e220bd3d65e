import type { KeyObject } from 'node:crypto'
import { type Identity, TOLD_ROLES, TOLD_SCOPES } from '../identity/identity.ts'
import { actorPseudonym, pseudonym, type PseudonymKey } from '../identity/pseudonym.ts'
import type { Actor } from '../messages.ts'
import { type ActorFields, DEFAULT_FIELDS, type FieldRule } from './fields.ts'

/** What of an actor depends on the identity alone. */
export type Caller = Omit<Actor, 'requestId' | 'rule' | 'decision'>

/** Who called, seen from one request. */
export interface Sighting {
  readonly requestId: string
  readonly rule: string
  /** The identity could not be checked, and the rule let the request through. */
  readonly failOpen: boolean
}

const ANONYMOUS: Caller = Object.freeze({
  v: 1,
  type: 'anonymous',
  roles: Object.freeze([]),
  scopes: Object.freeze([]),
})

/**
 * Makes the actors that workflows see of identities, and leaves out what they must not see. One identity object serves
 * every request that shows its credential, so what depends on it alone is made once: afterwards a map lookup.
 */
export class Actors {
  readonly #fields: ActorFields
  readonly #key: PseudonymKey | undefined
  #callers = new WeakMap<Identity, Caller>()
  #madeWith: KeyObject | undefined

  /** @param key for pseudonyms; without one, fields that ask for a pseudonym are left out */
  constructor(fields: ActorFields = DEFAULT_FIELDS, key?: PseudonymKey) {
    this.#fields = fields
    this.#key = key
  }

  /** @param identity undefined: nobody was asked who he is */
  actorOf(identity: Identity | undefined, { requestId, rule, failOpen }: Sighting): Actor {
    const caller = identity === undefined ? ANONYMOUS : this.callerOf(identity)
    return { ...caller, requestId, rule, decision: { rule, failOpen } }
  }

  /** The caller as workflows may see him, one object for all requests that show his credential. */
  callerOf(identity: Identity): Caller {
    const current = this.#key?.key
    if (current !== this.#madeWith) {
      this.#callers = new WeakMap()
      this.#madeWith = current
    }
    let caller = this.#callers.get(identity)
    if (caller === undefined) {
      caller = this.#make(identity)
      this.#callers.set(identity, caller)
    }
    return caller
  }

  /** The pseudonym of an entity key, the same for all rules; undefined without a key to make it with. */
  keyPseudonym(value: string): string | undefined {
    return this.#key === undefined ? undefined : entityPseudonym(this.#key, value)
  }

  #make(identity: Identity): Caller {
    const { provider, method, issuer, subject, tenant, session, credentialId, issuedAt, expiresAt } = identity
    const fields = this.#fields
    const id = this.#key === undefined ? undefined : actorPseudonym(this.#key, provider, subject)
    const credential = this.#pseudonym('credential', '', identity.digest)
    return Object.freeze({
      v: 1,
      type: method,
      provider,
      issuer,
      ...named('subject', fields.subject === 'pseudonym' ? id : this.#shown(fields.subject, 'subject', identity)),
      ...named('tenant', tenant === '' ? undefined : this.#shown(fields.tenant, 'tenant', identity)),
      roles: fields.roles === 'plain' ? first(TOLD_ROLES, identity.roles) : [],
      scopes: fields.scopes === 'plain' ? first(TOLD_SCOPES, identity.scopes) : [],
      ...named('id', id),
      ...named('credentialId', fields.credentialId === 'plain' && credentialId !== '' ? credentialId : undefined),
      ...named('credential', credential),
      ...named('session', session === '' ? undefined : this.#shown(fields.session, 'session', identity)),
      ...(issuedAt !== undefined && { issuedAt: issuedAt * 1000 }),
      // "Never" is not a number in JSON.
      ...(Number.isFinite(expiresAt) && { expiresAt: expiresAt * 1000 }),
    })
  }

  #shown(rule: FieldRule, field: 'subject' | 'tenant' | 'session', identity: Identity): string | undefined {
    if (rule === 'omit') return undefined
    return rule === 'plain' ? identity[field] : this.#pseudonym(field, identity.provider, identity[field])
  }

  #pseudonym(kind: string, authority: string, value: string): string | undefined {
    return this.#key === undefined ? undefined : pseudonym(this.#key, kind, authority, value)
  }
}

/** The pseudonym that stands in workflow ids for an entity key. */
export function entityPseudonym(key: PseudonymKey, value: string): string | undefined {
  return pseudonym(key, 'key', '', value)
}

function first(count: number, names: readonly string[]): readonly string[] {
  return names.length <= count ? names : names.slice(0, count)
}

function named<K extends string>(name: K, value: string | undefined): { [key in K]?: string } {
  return value === undefined ? {} : ({ [name]: value } as { [key in K]?: string })
}
