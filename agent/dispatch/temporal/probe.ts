import { STATUS } from '../classify.ts'
import { reasonOf } from './call-error.ts'
import { METHODS } from './calls.ts'
import type { Connection } from './connection.ts'

/**
 * What Temporal may answer to the question of the probe although it takes events: an authorizer may allow starts and
 * signals alone, and the namespace asked for need not be the one that rules use.
 */
const INCONCLUSIVE: ReadonlySet<unknown> = new Set([STATUS.NOT_FOUND, STATUS.PERMISSION_DENIED, STATUS.UNIMPLEMENTED])

/**
 * Whether a new connection may take the place of the one in use. It must be answered; or it is refused, and the one in use
 * is no better: it is refused in the very same way, or events fail on it and it is not answered now either.
 * @param failing whether the latest event on the one in use failed
 * @returns why not; undefined when it may
 */
export async function objectionTo(
  next: Connection,
  inUse: Connection,
  namespace: string,
  failing: boolean,
): Promise<string | undefined> {
  const error = await ask(next, namespace)
  if (error === undefined) return undefined
  const code = codeOf(error)
  if (!INCONCLUSIVE.has(code)) return reasonOf(error)
  const other = await ask(inUse, namespace)
  const isNoBetter = other !== undefined && (failing || codeOf(other) === code)
  return isNoBetter ? undefined : reasonOf(error)
}

async function ask(connection: Connection, namespace: string): Promise<unknown> {
  try {
    await connection.unary(METHODS.describeNamespace, { namespace })
    return undefined
  } catch (error) {
    return error
  }
}

function codeOf(error: unknown): unknown {
  return (error as { code?: unknown } | undefined)?.code
}
