import { fitsGlob } from '../glob.ts'

/** What agent.yaml may write: the canonical ARN of a role, a user or the root user; partition and account may be `*`. */
export const ARN_PATTERN =
  /^arn:(?:\*|aws[a-z-]{0,16}):iam::(\*|\d{12}):(?:root|(?:role|user)(?:\/[\x21-\x2e\x30-\x39\x3b-\x7e]+)+)$/

/** Whether a pattern leaves the account open: on its own it would let in everybody who has an account with AWS. */
export function isOpenPattern(pattern: string): boolean {
  return ARN_PATTERN.exec(pattern)?.[1] === '*'
}

/**
 * Whether a canonical ARN fits a pattern in which `*` stands for any characters but `:` and `/`, so that none reaches over
 * a part of the ARN or of a path. (IAM's own `*` does.)
 */
export function fitsArn(arn: string, pattern: string): boolean {
  const [parts, wanted] = [arn.split(/([:/])/), pattern.split(/([:/])/)]
  return parts.length === wanted.length && parts.every((part, i) => fitsGlob(part, wanted[i] ?? ''))
}
