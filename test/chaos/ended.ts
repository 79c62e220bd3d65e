import { Ledger } from './ledger.ts'
import type { Violation } from './oracle.ts'
import type { Sightings } from './sightings.ts'

/** Workflows that were ended in a way in which no request has asked for it: it was meant for another one, or came again. */
export function endedUnasked(ledger: Ledger, { starts }: Sightings): Violation[] {
  const asked = new Set(
    ledger.sent.flatMap((sent) => {
      const target = Ledger.targetOf(sent)
      return target === undefined ? [] : [`${sent.lane.kind} ${target}`]
    }),
  )
  return [...starts].flatMap(([id, { ended }]) =>
    ended === undefined || asked.has(`${ended} ${id}`) ? [] : [{ what: 'never sent', where: ended, which: id }],
  )
}
