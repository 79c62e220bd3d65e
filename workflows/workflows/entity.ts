import {
  allHandlersFinished,
  CancellationScope,
  condition,
  isCancellation,
  patched,
  workflowInfo,
} from '@temporalio/workflow'

/** How an entity workflow bounds itself. Part of its input, so that it stays the same across continue-as-new. */
export interface EntityOptions {
  /** Signals one run takes before it continues as new. Default 500; the server refuses more than 10,000 a run. */
  readonly signalsPerRun?: number
  /** Ids remembered for deduplication. Default 5000. */
  readonly seenIds?: number
}

/**
 * A worker that does not have a run in its memory replays it from its first event, at about a millisecond of CPU for each
 * signal, within the ten seconds of a workflow task and beside all other runs that it has lost.
 */
export const ENTITY_DEFAULTS = { signalsPerRun: 500, seenIds: 5000 } as const

/** The bound before it was 500. Runs of that time must replay as they were, and have no marker of the change. */
const FORMER_SIGNALS = 2000
const CHANGE = 'entity-500-signals'

/** One run of an entity: counts its signals and says when its history is long enough. */
export class EntityRun {
  readonly #signalsPerRun: number
  #signals = 0

  /** To be made at the start of the workflow, before anything is awaited. */
  constructor(options: EntityOptions = {}) {
    this.#signalsPerRun = options.signalsPerRun ?? (patched(CHANGE) ? ENTITY_DEFAULTS.signalsPerRun : FORMER_SIGNALS)
  }

  /** To be called by every signal handler. */
  signalled(): void {
    this.#signals += 1
  }

  /** True when this run should hand over to the next: enough signals, or the server finds the history long. */
  get due(): boolean {
    return this.#signals >= this.#signalsPerRun || workflowInfo().continueAsNewSuggested
  }
}

/** What an entity does besides taking signals. */
export interface EntityWork {
  /** Whether `step` has something to do. Called often: cheap and without effects. */
  ready(): boolean
  /**
   * Does what is ready, or as much as it can: what remains is carried to the next run by the entity's state. One that
   * fails must wait before it returns, because it is called again at once.
   */
  step(): Promise<void>
  /**
   * Whether what remains is small enough for the state; a run that is due goes on with its steps until it is. Default: it
   * always is, as where signals are folded into sums.
   */
  mayHandOver?(): boolean
  /** What is still done when the workflow is cancelled. Default: one step. */
  close?(): Promise<void>
}

/**
 * Serves an entity until its run is due, then returns; the caller continues as new with a snapshot of its state, with no
 * `await` in between.
 *
 * No signal is lost by construction: handlers are synchronous and put everything into the state at once, so that the
 * snapshot holds every signal of the history; and the server refuses a continue-as-new that overlooks a newer signal
 * (the workflow task is then repeated with that signal in it). Work that is ready is done first, but only one step of
 * it, or as many as `mayHandOver` asks for: under a steady stream "until nothing is left" would never come.
 *
 * On cancellation what is ready is done once more, then the cancellation goes on.
 *
 * @throws CancelledFailure when the workflow is cancelled
 */
export async function serveEntity(run: EntityRun, work?: EntityWork): Promise<void> {
  const over = () => run.due && work?.mayHandOver?.() !== false
  try {
    do {
      await condition(() => over() || work?.ready() === true)
      if (work?.ready()) await work.step()
    } while (!over())
  } catch (error) {
    if (isCancellation(error) && work?.ready()) {
      await CancellationScope.nonCancellable(() => work.close?.() ?? work.step())
    }
    throw error
  }
  await condition(allHandlersFinished)
}
