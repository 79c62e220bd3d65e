import { exchangeError, statusError, UnusableAnswerError } from '../remote/failure.ts'
import { httpRequest, type HttpAnswer, type HttpOptions } from '../http/request.ts'
import { withPlainKeys } from '../json-scan.ts'
import { isObject, type JsonObject } from '../plain-json.ts'
import type { ClientProof } from './client-auth.ts'

/** Bytes of an answer. */
export const MAX_ANSWER_BYTES = 64 * 1024

/** Objects and arrays open at once in an answer. */
const MAX_DEPTH = 16

export interface Answer {
  readonly body: JsonObject
  readonly length: number
}

/**
 * Asks the endpoint about a token (RFC 7662 section 2). The token is in the body of this one request and nowhere else.
 * @throws `FetchError` anything but a 200 answer with one well-formed JSON object
 */
export async function introspect(
  endpoint: URL,
  token: string,
  proof: ClientProof,
  options: Pick<HttpOptions, 'timeoutMs' | 'ca' | 'proxy' | 'pool' | 'signal'>,
): Promise<Answer> {
  const form = new URLSearchParams({ token, token_type_hint: 'access_token', ...proof.form })
  let answer: HttpAnswer
  try {
    answer = await httpRequest(endpoint, {
      ...options,
      method: 'POST',
      headers: {
        accept: 'application/json',
        'content-type': 'application/x-www-form-urlencoded',
        ...proof.headers,
      },
      body: form.toString(),
      clientCertificate: proof.clientCertificate,
      maxBytes: MAX_ANSWER_BYTES,
      answerHeaders: ['content-type'],
    })
  } catch (error) {
    throw exchangeError(error)
  }
  if (answer.status !== 200) throw statusError(answer.status)
  return parseAnswer(answer.text, answer.headers['content-type'])
}

/** @throws `FetchError` with a message that holds nothing of the answer */
export function parseAnswer(text: string, contentType: string | undefined): Answer {
  const type = contentType?.split(';', 1)[0]?.trim().toLowerCase()
  // RFC 9701: the provider is set up so for this client, so it concerns all tokens.
  if (type === 'application/token-introspection+jwt')
    throw new UnusableAnswerError(
      'the answer is a signed JWT (RFC 9701): have the provider send this client application/json',
    )
  if (type !== undefined && type !== 'application/json') throw new UnusableAnswerError('the answer is not JSON')
  const plain = withPlainKeys(text, MAX_DEPTH)
  if (plain === undefined) throw new UnusableAnswerError('the answer names a key twice or nests too deeply')
  let body: unknown
  try {
    body = JSON.parse(plain)
  } catch {
    throw new UnusableAnswerError('the answer is not JSON') // V8's own message quotes it
  }
  if (!isObject(body)) throw new UnusableAnswerError('the answer is no JSON object')
  if (typeof body['active'] !== 'boolean') throw new UnusableAnswerError('"active" of the answer is no boolean')
  return { body, length: text.length }
}
