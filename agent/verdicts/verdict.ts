import { z } from 'zod'
import { canonicalAddress } from '../rules/network-entry.ts'
import { NO_VERDICT, VerdictView } from '../rules/facts.ts'
import { entriesOf, LAST_MS } from './revoking.ts'

/** What a verdict is about, the most specific first. */
export const SCOPES = ['key', 'credential', 'session', 'subject', 'tenant', 'source'] as const
export type Scope = (typeof SCOPES)[number]

const PLAIN = /^[^\x00-\x1f\x7f-\x9f]*$/

const scope = z.enum(SCOPES)
/**
 * By scope: free text that a rule chooses; digest of a credential (base64url, of a certificate too that it is bound to) or
 * its id; session; subject; tenant; address.
 */
const key = z.string().min(1).max(1024)
/** The provider that the caller was proven by; a subject is one only together with it. */
const provider = z.string().min(1).max(64).optional()
/** Order of what was said about one key: the higher counts, whenever it comes. Left out: 0. */
const version = z.int().min(0).default(0)

/** Names a verdict. */
export const verdictRef = z.strictObject({ scope, key, provider, version }).superRefine(checkRef)

/** What a workflow says, and how long it holds. */
export const verdictInput = z
  .strictObject({
    scope,
    key,
    provider,
    version,
    block: z.boolean().default(false),
    /** Name of a backend of haproxy.cfg. */
    route: z
      .string()
      .regex(/^[A-Za-z0-9_.:-]{0,128}$/)
      .default(''),
    reason: z.string().max(200).regex(PLAIN).default(''),
    /** Requests, in whatever unit the rule that reads it means; left out, none. */
    limit: z.int().min(1).optional(),
    tags: z.array(z.string().min(1).max(64).regex(PLAIN)).max(20).default([]),
    /**
     * Whoever shows the credential, belongs to the session or is the subject is refused as `revoked`, whatever the rules
     * say of verdicts; until it is over, or a newer verdict about the same does not say so.
     */
    revoke: z.boolean().default(false),
    /** With `revoke` of a subject, only of credentials issued before: milliseconds since the epoch. */
    issuedBefore: z.number().positive().max(LAST_MS).optional(),
    /** Milliseconds since the epoch. */
    expiresAt: z.number(),
  })
  .superRefine(checkRef)
  .superRefine(checkRevoke)

export type VerdictRef = z.input<typeof verdictRef>
export type VerdictInput = z.input<typeof verdictInput>

function checkRef(ref: { scope: Scope; key: string; provider?: string | undefined }, ctx: z.RefinementCtx): void {
  const says = (message: string): void => ctx.addIssue({ code: 'custom', message })
  if (ref.scope === 'subject' && ref.provider === undefined) says('a subject needs its "provider"')
  if ((ref.scope === 'source' || ref.scope === 'key') && ref.provider !== undefined) {
    says(`"${ref.scope}" takes no "provider": it is not about a caller`)
  }
  if (ref.scope === 'source' && canonicalAddress(ref.key) === undefined) says('the key of "source" is an IP address')
}

interface MayRevoke {
  scope: Scope
  key: string
  provider?: string | undefined
  revoke: boolean
  issuedBefore?: number | undefined
  expiresAt: number
}

function checkRevoke(input: MayRevoke, ctx: z.RefinementCtx): void {
  const says = (message: string): void => ctx.addIssue({ code: 'custom', message })
  if (input.issuedBefore !== undefined && !(input.revoke && input.scope === 'subject')) {
    says('"issuedBefore" goes with "revoke" of a subject')
  }
  if (input.revoke && entriesOf(input).length === 0) says('"revoke" is about a credential, a session or a subject')
}

/** The key as it is looked up. */
export function lookupKey({ scope: of, key: text }: { scope: Scope; key: string }): string {
  return of === 'source' ? (canonicalAddress(text) ?? text) : text
}

/** What expressions see of one verdict; {@link NO_VERDICT} when it says nothing. */
export function viewOf(input: z.output<typeof verdictInput>): VerdictView {
  const { block, route, reason, limit, tags } = input
  if (!block && route === '' && reason === '' && limit === undefined && tags.length === 0) return NO_VERDICT
  return Object.freeze(new VerdictView(block, route, reason, BigInt(limit ?? 0), Object.freeze([...new Set(tags)])))
}

/**
 * Two verdicts about one request as one, the strictest: blocked if either blocks, with the reason of the more specific
 * one that does; the smaller limit; the route of the more specific one that has one; the tags of both.
 * Makes an object only when both say something.
 */
export function merge(specific: VerdictView, general: VerdictView): VerdictView {
  if (general === NO_VERDICT) return specific
  if (specific === NO_VERDICT) return general
  const tags = new Set([...specific.tags, ...general.tags])
  return new VerdictView(
    specific.block || general.block,
    specific.route === '' ? general.route : specific.route,
    reasonOf(specific, general),
    smaller(specific.limit, general.limit),
    [...tags],
  )
}

function reasonOf(specific: VerdictView, general: VerdictView): string {
  if (specific.block !== general.block) return specific.block ? specific.reason : general.reason
  return specific.reason === '' ? general.reason : specific.reason
}

/** 0 is none. */
function smaller(a: bigint, b: bigint): bigint {
  if (a === 0n || b === 0n) return a + b
  return a < b ? a : b
}
