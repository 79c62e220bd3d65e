// Loaded into an agent before everything else, in all of its threads: its clock is that of the machine plus what the file
// CHAOS_CLOCK says, in milliseconds. Only Date is moved; the monotonic clock of real machines does not jump either.
import { readFileSync } from 'node:fs'

const file = process.env['CHAOS_CLOCK']
const RealDate = Date
let offset = 0

class ShiftedDate extends RealDate {
  constructor(...args: readonly unknown[]) {
    if (args.length === 0) super(RealDate.now() + offset)
    else super(...(args as [number]))
  }

  static override now(): number {
    return RealDate.now() + offset
  }
}

if (file !== undefined) {
  const read = (): void => {
    try {
      offset = Number(readFileSync(file, 'utf8')) || 0
    } catch {
      // Not written yet.
    }
  }
  read()
  setInterval(read, 50).unref()
  globalThis.Date = ShiftedDate as DateConstructor
}
