import { type Client, WorkflowNotFoundError } from '@temporalio/client'
import type { temporal } from '@temporalio/proto'
import {
  BATCH_SIGNAL,
  type EdgeEvent,
  EVENT_SIGNAL,
  type MeterBatch,
  WINDOW_SIGNAL,
  type WindowSummary,
} from '../../agent/messages.ts'
import { type Entity, numberOf } from './lanes.ts'
import type { EntitySight, WindowCounts } from './sightings.ts'

type Page = temporal.api.workflowservice.v1.IGetWorkflowExecutionHistoryResponse
type HistoryEvent = temporal.api.history.v1.IHistoryEvent

/** Milliseconds for an answer of the entity's worker. One that is given up is worked on all the same. */
const QUERY_MS = 15_000

/** What workflow code is asked; of windows none is wanted, but how many there were. */
const QUERIES = { meter: ['usage'], signal: ['trail'], window: ['windows', 0] } as const

interface Answer {
  readonly total: number
  readonly malformed: number
  readonly duplicates: number
  /** Of windows: summaries that were known to be none of those before, and not kept. */
  readonly tooLate?: number
}

/** Follows an entity workflow through its runs: every signal in its histories, and what its code has made of them. */
export class EntityReader {
  readonly #workflowId: string
  readonly #query: readonly [name: string, ...args: number[]]
  readonly #events = new Map<number, Set<string>>()
  readonly #ids = new Set<string>()
  /** The run to go on with. It is read from its beginning: the last events of a running one may yet become others. */
  #runId: string | undefined
  #runs = 0
  #counts: WindowCounts | undefined

  constructor({ workflowId, kind }: Entity) {
    this.#workflowId = workflowId
    this.#query = QUERIES[kind]
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
      counted: answer && answer.total + (answer.tooLate ?? 0),
      malformed: answer?.malformed ?? 0,
      duplicates: answer?.duplicates ?? 0,
      runs: this.#runs,
      ...(this.#counts && { counts: this.#counts }),
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
    if (signal?.signalName === WINDOW_SIGNAL) this.#sum(body as WindowSummary)
  }

  #note(id: string, path: string): void {
    this.#ids.add(id)
    const n = numberOf(path)
    if (n === undefined) return
    const ids = this.#events.get(n)
    if (ids === undefined) this.#events.set(n, new Set([id]))
    else ids.add(id)
  }

  /** A summary that came again is one: workflow code tells it by its id as well. */
  #sum({ id, begun = 0, requests }: WindowSummary): void {
    if (this.#ids.has(id)) return
    this.#ids.add(id)
    const { begun: all, answered } = this.#counts ?? { begun: 0, answered: 0 }
    this.#counts = { begun: all + begun, answered: answered + requests }
  }

  async #ask(client: Client): Promise<Answer | undefined> {
    const [name, ...args] = this.#query
    try {
      return await client.withDeadline(Date.now() + QUERY_MS, () =>
        client.workflow.getHandle(this.#workflowId).query<Answer, number[]>(name, ...args),
      )
    } catch {
      // Its worker is away, or not done with it.
      return undefined
    }
  }
}
