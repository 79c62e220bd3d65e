import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Log } from '../identity/log.ts'
import { parseEntry, RevocationFormatError } from '../identity/revocation/entry.ts'
import type { Revocations } from '../identity/revocation/revocations.ts'
import { RevokeOptionsError } from '../identity/revocation/revoke-request.ts'
import { type BodyProblem, MAX_BODY, readObject } from './body.ts'
import { type Answer, type CallerRules, failure, refusalOf, send } from './call.ts'
import { revocationRequest } from './revocation-request.ts'

export interface RevocationCallOptions extends CallerRules {
  readonly revocations: Pick<Revocations, 'add' | 'status'>
  /** Names of agent.yaml: an entry for another one would revoke nothing. */
  readonly providers: readonly string[]
  readonly log: Log
  /** Milliseconds since the epoch. */
  readonly now: () => number
}

const WORDS = { what: 'revocations', instead: 'What is revoked stands in GET /status.' }

/**
 * `POST /revocations`: revokes something in this process from the next request on, until the process ends. For whoever
 * has the token of agent.yaml, or, where there is none, for this machine alone. Never throws, never rejects.
 */
export async function answerRevocation(
  request: IncomingMessage,
  response: ServerResponse,
  options: RevocationCallOptions,
): Promise<void> {
  const { log } = options
  let answer: Answer
  try {
    answer = refusalOf(request, options, WORDS) ?? add(await readObject(request), options)
  } catch (error) {
    log.error({ error: error instanceof Error ? error.name : typeof error }, 'adding a revocation failed unexpectedly')
    answer = failure(500, 'internal_error', 'internal error', 'A defect of the agent.')
  }
  send(request, response, answer)
}

function add(body: Awaited<ReturnType<typeof readObject>>, options: RevocationCallOptions): Answer {
  const { revocations, providers, log, now } = options
  if (typeof body === 'string') return noBody(body)
  try {
    const entry = revocationRequest(body, now() / 1000)
    const { kind, provider, until } = parseEntry(entry)
    if (until <= now()) return invalid('the entry would be over already')
    if (provider !== undefined && !providers.includes(provider)) {
      return invalid(`no provider is called so; there are ${providers.join(', ') || 'none'}`)
    }
    if (!revocations.add(entry, { source: 'admin' })) {
      const hint = 'Wait until entries are over, or raise identity.revocation.maxEntries.'
      return failure(503, 'no_room', 'there is no room for another entry', hint)
    }
    log.info({ kind, provider, until: entry.until }, 'revocation added by the admin server')
    return { status: 201, body: { source: 'admin', entry, entries: revocations.status().entries } }
  } catch (error) {
    if (error instanceof RevokeOptionsError || error instanceof RevocationFormatError) return invalid(error.message)
    throw error
  }
}

function noBody(problem: BodyProblem): Answer {
  if (problem === 'large') {
    return failure(413, 'too_large', `the body is longer than ${MAX_BODY} bytes`, 'One entry for each call.')
  }
  return failure(400, 'not_json', 'the body is not a JSON object with unique keys', EXAMPLE)
}

const EXAMPLE = 'For example {"jti":"Ab-42","provider":"corp","until":"8h"}; see docs/identity/revocation.md.'

const invalid = (message: string): Answer => failure(400, 'invalid_entry', message, EXAMPLE)
