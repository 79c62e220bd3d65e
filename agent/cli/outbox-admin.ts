import type { OutboxAnswer, OutboxRequest } from '../dispatch/store/outbox-calls.ts'
import { UserError } from '../errors.ts'
import type { OutboxSource } from './outbox-source.ts'

/** What the admin server says of a call that it refuses. */
interface Refusal {
  readonly error: string
  readonly message: string
  readonly hint: string
}

/** The admin server's own hint is nearer to the fault than ours. */
class RefusedByAgent extends UserError {
  readonly #hint: string

  constructor({ message, hint }: Refusal, place: string) {
    super('OUTBOX_REFUSED', `${place}: ${message}`)
    this.#hint = hint
  }

  override get hint(): string {
    return this.#hint
  }
}

/** The outbox of an agent that runs, by its admin server. */
export class AdminOutbox implements OutboxSource {
  readonly source = 'agent'
  readonly place: string
  readonly #token: string | undefined
  readonly #path: string | undefined

  /**
   * @param url of the admin server
   * @param path of the outbox, where its lock was found taken: by this agent, or by somebody else
   */
  constructor(url: string, token: string | undefined, path?: string) {
    this.place = url
    this.#token = token
    this.#path = path
  }

  async ask(request: OutboxRequest): Promise<OutboxAnswer> {
    const response = await this.#send(request)
    const body = await bodyOf(response)
    if (body === undefined) {
      throw new UserError('ADMIN_UNREACHABLE', `${this.place} answers ${response.status}, and not as this agent does`)
    }
    if (response.ok) return { ok: true, ...body } as OutboxAnswer
    throw new RefusedByAgent(body as Refusal, this.place)
  }

  close(): void {}

  async #send(request: OutboxRequest): Promise<Response> {
    const { path, body } = callOf(request)
    const headers = {
      ...(this.#token !== undefined && { authorization: `Bearer ${this.#token}` }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
    }
    try {
      return await fetch(new URL(path, this.place), {
        // A token is for this server alone.
        redirect: 'error',
        headers,
        ...(body !== undefined && { method: 'POST', body: JSON.stringify(body) }),
      })
    } catch (error) {
      const { cause, message } = error as Error
      const why = cause instanceof Error ? cause.message : message
      if (this.#path === undefined) throw new UserError('ADMIN_UNREACHABLE', `${this.place}: ${why}`)
      throw new UserError('OUTBOX_LOCKED', `${this.#path} is in use, and ${this.place} does not answer: ${why}`)
    }
  }
}

/** Where a call goes; those with a body by POST. */
function callOf(request: OutboxRequest): { path: string; body?: object } {
  switch (request.call) {
    case 'status':
      return { path: '/outbox' }
    case 'show':
      return { path: `/outbox/event?${queryOf({ id: request.id })}` }
    case 'list': {
      const { table, filter, after, limit } = request
      return { path: `/outbox/rows?${queryOf({ table, ...filter, after, limit })}` }
    }
    case 'pause':
    case 'resume':
      return { path: `/outbox/${request.call}`, body: { rule: request.rule } }
    case 'purge':
      return { path: '/outbox/purge', body: { table: request.table, ...request.filter } }
    case 'redrive':
    case 'replay':
      return { path: `/outbox/${request.call}`, body: request.filter }
  }
}

function queryOf(members: Readonly<Record<string, string | number | undefined>>): string {
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(members)) if (value !== undefined) query.set(name, String(value))
  return query.toString()
}

/** Undefined for what is no JSON object, as some other server would send. */
async function bodyOf(response: Response): Promise<object | undefined> {
  try {
    const body: unknown = await response.json()
    return typeof body === 'object' && body !== null ? body : undefined
  } catch {
    return undefined
  }
}
