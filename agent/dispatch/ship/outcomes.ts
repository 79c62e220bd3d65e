import { type DeadParcel, type Parcel, SETTLED, type ToStore } from '../parcel.ts'

/** Milliseconds that outcomes wait for others: one message carries what a burst of answers settled. */
const DELAY_MS = 2

/** Tells the store thread what became of parcels, in as few messages as will do. */
export class Outcomes {
  readonly #tell: (message: ToStore, transfer?: readonly ArrayBuffer[]) => void
  #handles: number[] = []
  #outcomes: number[] = []
  #dead: DeadParcel[] = []
  #recalled: Parcel[] = []
  #timer: NodeJS.Timeout | undefined
  readonly #later = (): void => this.flush()

  constructor(tell: (message: ToStore, transfer?: readonly ArrayBuffer[]) => void) {
    this.#tell = tell
  }

  settled(parcels: readonly Parcel[], outcome: keyof typeof SETTLED): void {
    for (const { handle } of parcels) {
      this.#handles.push(handle)
      this.#outcomes.push(SETTLED[outcome])
    }
    this.#wake()
  }

  dead(parcels: readonly Parcel[], reason: string, attempts: number): void {
    for (const parcel of parcels) this.#dead.push({ parcel, reason, attempts })
    this.#wake()
  }

  recalled(parcels: readonly Parcel[]): void {
    for (const parcel of parcels) this.#recalled.push(parcel)
    this.#wake()
  }

  /** Tells at once what there is to tell. */
  flush(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (this.#handles.length > 0) {
      const handles = Float64Array.from(this.#handles)
      const outcomes = Uint8Array.from(this.#outcomes)
      this.#handles = []
      this.#outcomes = []
      this.#tell({ type: 'settled', handles, outcomes }, [handles.buffer, outcomes.buffer])
    }
    if (this.#dead.length > 0) {
      const letters = this.#dead
      this.#dead = []
      this.#tell({ type: 'dead', letters })
    }
    if (this.#recalled.length > 0) {
      const parcels = this.#recalled
      this.#recalled = []
      this.#tell({ type: 'recalled', parcels })
    }
  }

  #wake(): void {
    this.#timer ??= setTimeout(this.#later, DELAY_MS)
  }
}
