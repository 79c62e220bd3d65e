import type { Disk } from './disk.ts'
import type { Outbox } from './outbox.ts'

/**
 * The outbox that is open, for work that goes on after others had their turn.
 *
 * @param before the one that the work began with
 * @throws {Error} it was closed, or another one was begun since
 */
export function stillOpen(disk: Pick<Disk, 'outbox'>, before = disk.outbox): Outbox {
  if (disk.outbox === undefined || disk.outbox !== before) throw new Error('the outbox was closed meanwhile')
  return disk.outbox
}
