import { type Client, WorkflowNotFoundError } from '@temporalio/client'
import type { temporal } from '@temporalio/proto'
import { BATCH_SIGNAL, type EdgeEvent, EVENT_SIGNAL, type MeterBatch } from '../../agent/messages.ts'
import { type Entity, numberOf } from './lanes.ts'
import type { EntitySight } from './sightings.ts'

type Page = temporal.api.workflowservice.v1.IGetWorkflowExecutionHistoryResponse
type HistoryEvent = temporal.api.history.v1.IHistoryEvent

/** Milliseconds for an answer of the entity's worker. One that is given up is worked on all the same. */
const QUERY_MS = 15_000

/** Follows an entity workflow through its runs: every signal in its histories, and what its code has made of them. */
export class EntityReader {
  readonly #workflowId: string
  readonly #query: string
  readonly #events = new Map<number, Set<string>>()
  readonly #ids = new Set<string>()
  /** The run to go on with. It is read from its beginning: the last events of a running one may yet become others. */
  #runId: string | undefined
  #runs = 0

  constructor({ workflowId, lane }: Entity) {
    this.#workflowId = workflowId
    this.#query = lane.kind === 'meter' ? 'usage' : 'trail'
  }

  /**
   * @param client of the entity's namespace
   * @param ask whether to ask its workflow code
   * @returns undefined while there is no such workflow
   */
  async read(client: Client, ask: boolean): Promise<EntitySight | undefined> {
    this.#runId ??= await this.#firstRun(client)
    if (this.#runId === undefined) return undefined
    for (let next: string | undefined = this.#runId; next !== undefined;) next = await this.#follow(client, next)
    const answer = ask ? await this.#ask(client) : undefined
    return {
      workflowId: this.#workflowId,
      events: this.#events,
      distinct: this.#ids.size,
      counted: answer?.total,
      malformed: answer?.malformed ?? 0,
      duplicates: answer?.duplicates ?? 0,
      runs: this.#runs,
    }
  }

  async #firstRun(client: Client): Promise<string | undefined> {
    try {
      const { raw } = await client.workflow.getHandle(this.#workflowId).describe()
      this.#runs = 1
      return raw.workflowExecutionInfo?.firstRunId || raw.workflowExecutionInfo?.execution?.runId || undefined
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) return undefined
      throw error
    }
  }

  /** @returns the run that came after this one; undefined when it is the last */
  async #follow(client: Client, runId: string): Promise<string | undefined> {
    let token: Uint8Array = new Uint8Array()
    do {
      const page: Page = await client.workflowService.getWorkflowExecutionHistory({
        namespace: client.options.namespace,
        execution: { workflowId: this.#workflowId, runId },
        nextPageToken: token,
      })
      for (const event of page.history?.events ?? []) {
        this.#take(event)
        const after = event.workflowExecutionContinuedAsNewEventAttributes?.newExecutionRunId
        if (!after) continue
        this.#runId = after
        this.#runs++
        return after
      }
      token = page.nextPageToken ?? new Uint8Array()
    } while (token.length > 0)
    return undefined
  }

  #take({ workflowExecutionSignaledEventAttributes: signal }: HistoryEvent): void {
    const data = signal?.input?.payloads?.[0]?.data
    if (data == null) return
    const body: unknown = JSON.parse(Buffer.from(data).toString())
    if (signal?.signalName === EVENT_SIGNAL) {
      const { id, request } = body as EdgeEvent
      this.#note(id, request.path)
    }
    if (signal?.signalName === BATCH_SIGNAL) {
      for (const { id, path } of (body as MeterBatch).records) this.#note(id, path)
    }
  }

  #note(id: string, path: string): void {
    this.#ids.add(id)
    const n = numberOf(path)
    if (n === undefined) return
    const ids = this.#events.get(n)
    if (ids === undefined) this.#events.set(n, new Set([id]))
    else ids.add(id)
  }

  async #ask(client: Client): Promise<{ total: number; malformed: number; duplicates: number } | undefined> {
    try {
      return await client.withDeadline(Date.now() + QUERY_MS, () =>
        client.workflow.getHandle(this.#workflowId).query(this.#query),
      )
    } catch {
      // Its worker is away, or not done with it.
      return undefined
    }
  }
}
