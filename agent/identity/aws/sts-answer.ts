import type { HttpAnswer } from '../http/request.ts'
import { isObject, type JsonObject } from '../plain-json.ts'
import type { DenyReason } from '../reasons.ts'
import { statusError, UnusableAnswerError } from '../remote/failure.ts'
import { parseStrictObject } from '../strict-json.ts'

/** STS's word on a request: the members of GetCallerIdentityResult, or why it refuses. */
export type StsWord = { readonly result: JsonObject } | { readonly refused: DenyReason }

/**
 * Error codes that mean the request is not genuine ("Common errors" of the STS API Reference). Codes that are not in one
 * of these lists, throttling among them, tell nothing of the caller.
 */
const FORGED: ReadonlySet<string> = new Set([
  'SignatureDoesNotMatch',
  'InvalidClientTokenId',
  'UnrecognizedClientException',
  'InvalidAccessKeyId',
  'IncompleteSignature',
  'MissingAuthenticationToken',
  'InvalidToken',
  'InvalidSignatureException',
])
const EXPIRED: ReadonlySet<string> = new Set(['ExpiredToken', 'ExpiredTokenException', 'RequestExpired'])

const THROTTLED: ReadonlySet<string> = new Set([
  'Throttling',
  'ThrottlingException',
  'ThrottledException',
  'RequestLimitExceeded',
  'TooManyRequestsException',
])

/** Objects that may be open at once. */
const MAX_DEPTH = 8

/**
 * Reads what STS answered. Only a 200 with the JSON that was asked for names a caller; refusals are taken from JSON and
 * from XML, because they can only refuse.
 * @throws `FetchError` STS does not work, or not for this request: throttling, 5xx, redirects, answers of another form
 */
export function readStsAnswer({ status, text }: Pick<HttpAnswer, 'status' | 'text'>): StsWord {
  if (status >= 300 && status < 400) throw statusError(status)
  const json = parseStrictObject(text, MAX_DEPTH)
  const error = json === undefined ? errorOfXml(text) : errorOfJson(json)
  if (error !== undefined) return { refused: refusal(error, status) }
  if (status >= 500) throw statusError(status)
  const result = memberOf(memberOf(json, 'GetCallerIdentityResponse'), 'GetCallerIdentityResult')
  if (status !== 200 || result === undefined) {
    throw new UnusableAnswerError(`HTTP ${status} without the JSON that was asked for`)
  }
  return { result }
}

interface StsError {
  readonly code: string
  readonly message: string
}

/** @throws `FetchError` the error says nothing of the caller. Never with the code itself: it is the peer's text. */
function refusal({ code, message }: StsError, status: number): DenyReason {
  // It is one account's calls that STS throttles: no sign that others would fare alike.
  if (THROTTLED.has(code)) throw new UnusableAnswerError('STS throttles')
  if (status >= 500) throw statusError(status)
  if (EXPIRED.has(code)) return 'expired'
  // STS has no code of its own for a signature over fifteen minutes old.
  if (FORGED.has(code)) return message.startsWith('Signature expired') ? 'expired' : 'signature_invalid'
  throw new UnusableAnswerError(`HTTP ${status} with another error than those of a caller`)
}

/** `{"Error": {"Code": …, "Message": …}}`, also where it is wrapped as XML's root would be, whatever the status is. */
function errorOfJson(json: unknown): StsError | undefined {
  const error = memberOf(json, 'Error') ?? memberOf(memberOf(json, 'ErrorResponse'), 'Error')
  if (error === undefined) return undefined
  const { Code: code, Message: message } = error
  return { code: typeof code === 'string' ? code : '', message: typeof message === 'string' ? message : '' }
}

/** `<ErrorResponse …><Error>…<Code>…</Code><Message>…</Message>` */
function errorOfXml(text: string): StsError | undefined {
  if (!/^\s*(?:<\?xml[^>]*>\s*)?<(?:ErrorResponse|Response)[\s>]/.test(text)) return undefined
  const code = /<Code>([A-Za-z]{1,64})<\/Code>/.exec(text)?.[1] ?? ''
  return { code, message: /<Message>([^<]{0,256})/.exec(text)?.[1] ?? '' }
}

function memberOf(value: unknown, name: string): JsonObject | undefined {
  const member = isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined
  return isObject(member) ? member : undefined
}
