/** What of a row its ids are made of. */
interface Named {
  readonly id: string
  readonly rule: string
}

/**
 * Id under which a delivered event is sent once more. The mark stands before what callers choose, so that no event of
 * theirs looks like one that was replayed: their keys begin with `k:`, and HAProxy's ids have no `~`.
 */
export function replayId({ id, rule }: Named, mark: string): string {
  const prefix = `${rule}/`
  return `${prefix}~${mark}/${id.startsWith(prefix) ? id.slice(prefix.length) : id}`
}

/** Whether the event was sent once more, by an operator. */
export function isReplayed({ id, rule }: Named): boolean {
  return id.startsWith(`${rule}/~`)
}
