/**
 * What looks like a credential, wherever it stands: JWTs (`{"` is `eyJ` in base64url), webhook secrets, tokens of EKS,
 * signatures of AWS. Each alternative reads a run of characters once, so the time is linear in the text.
 */
const CREDENTIALS =
  /(?<![A-Za-z0-9_.-])[A-Za-z0-9_.-]*?eyJ[A-Za-z0-9_.-]{8,}|whsec_[A-Za-z0-9+/=_-]+|k8s-aws-v1\.[A-Za-z0-9_-]+|X-Amz-(?:Signature|Security-Token|Credential)=[^&/]*/gi

const REDACTED = '[redacted]'

/** A text of the request for a record: without what looks like a credential, and cut to `max` characters. */
export function scrub(text: string, max: number): string {
  // Cut last: half a credential no longer looks like one.
  const clean = text.replaceAll(CREDENTIALS, REDACTED)
  return clean.length <= max ? clean : `${clean.slice(0, max)}…`
}
