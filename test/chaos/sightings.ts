import { Client, Connection } from '@temporalio/client'
import { EntityReader } from './entity-reader.ts'
import { type EndKind, ENTITIES, LANES, type Namespace, NAMESPACES } from './lanes.ts'

/** Milliseconds for all that is read of one entity, or of all starts. */
const LOOK_MS = 20_000

/** Milliseconds before the beginning of a step: clocks of processes may differ by little. */
const BEFORE_MS = 5_000

/** Sums of the summaries of a rule with windows. */
export interface WindowCounts {
  /** Requests that the agent let through. */
  readonly begun: number
  /** Responses to them. */
  readonly answered: number
}

/** What one entity workflow has, by its histories and by its own count. */
export interface EntitySight {
  readonly workflowId: string
  /** Event ids of the requests in its signals, by number. */
  readonly events: ReadonlyMap<number, ReadonlySet<string>>
  /** Of a rule with windows, and of no other. */
  readonly counts?: WindowCounts
  /** Different ids of events, or of summaries, in its signals. */
  readonly distinct: number
  /** What its workflow code has counted; undefined when it did not answer, or was not asked. */
  readonly counted: number | undefined
  readonly malformed: number
  /** Signals and records that came again and were left out by workflow code. */
  readonly duplicates: number
  /** Runs so far: one more for each continue-as-new. */
  readonly runs: number
}

/** Executions of one workflow id. */
export interface StartSight {
  readonly runs: Set<string>
  completed: boolean
  /** How it was ended from outside. */
  ended?: EndKind
}

/** What Temporal and the workflow code there have seen. */
export interface Sightings {
  readonly entities: readonly EntitySight[]
  /** Executions of `requestHook` by workflow id, which is the event id. */
  readonly starts: ReadonlyMap<string, StartSight>
  /** Executions in another namespace than the one that their rule names. */
  readonly astray: ReadonlySet<string>
}

/** Reads sightings; what has been read before is not read again. */
export class Watcher {
  readonly #address: string
  readonly #entities = ENTITIES.map((entity) => ({ entity, reader: new EntityReader(entity) }))
  readonly #starts = new Map<string, StartSight>()
  readonly #astray = new Set<string>()

  /** @param address `host:port` of Temporal */
  constructor(address: string) {
    this.#address = address
  }

  /**
   * @param since executions that began before this time, in milliseconds since the epoch, are known already
   * @param ask whether to ask workflow code what it has counted: a worker that has just begun must replay all for that
   * @throws whatever the client throws, while Temporal is away
   */
  async look(since: number, ask: boolean): Promise<Sightings> {
    // One of its own each time, which shares no back-off with those before it.
    const channelArgs = { 'grpc.use_local_subchannel_pool': 1 }
    const connection = Connection.lazy({ address: this.#address, channelArgs })
    try {
      const entities: EntitySight[] = []
      for (const namespace of NAMESPACES) {
        const client = new Client({ connection, namespace })
        await client.withDeadline(Date.now() + LOOK_MS, () => this.#readStarts(client, namespace, since))
        const looks = this.#entities
          .filter(({ entity: { lane } }) => lane.namespace === namespace)
          .map(({ reader }) => client.withDeadline(Date.now() + LOOK_MS, () => reader.read(client, ask)))
        entities.push(...(await Promise.all(looks)).filter((sight) => sight !== undefined))
      }
      return { entities, starts: this.#starts, astray: this.#astray }
    } finally {
      await connection.close()
    }
  }

  async #readStarts(client: Client, namespace: Namespace, since: number): Promise<void> {
    const after = new Date(since - BEFORE_MS).toISOString()
    const query = `WorkflowType = 'requestHook' AND StartTime >= '${after}'`
    for await (const { workflowId, runId, status } of client.workflow.list({ query, pageSize: 1_000 })) {
      if (!isMeantFor(namespace, workflowId)) this.#astray.add(`${workflowId} in ${namespace}`)
      const sight = this.#starts.get(workflowId) ?? { runs: new Set<string>(), completed: false }
      this.#starts.set(workflowId, sight)
      sight.runs.add(runId)
      if (status.name === 'COMPLETED') sight.completed = true
      if (status.name === 'TERMINATED') sight.ended = 'terminate'
      if (status.name === 'CANCELLED') sight.ended = 'cancel'
    }
  }
}

function isMeantFor(namespace: Namespace, workflowId: string): boolean {
  return LANES.some((lane) => lane.namespace === namespace && workflowId.startsWith(`${lane.rule}/`))
}
