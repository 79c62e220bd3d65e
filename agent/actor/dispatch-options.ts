import type { Caller } from '../dispatch/ship/caller.ts'
import type { Log } from '../identity/log.ts'
import { Signer } from './signer.ts'

/** What the dispatcher's thread needs to know of `actor` in agent.yaml: plain data, the thread reads the key itself. */
export interface ActorDispatchOptions {
  /** Path of the key that signs envelopes; without it actors are unsigned. */
  readonly signingKeyFile?: string | undefined
  /** Seconds for which an envelope may come in. */
  readonly lifetimeS: number
  readonly searchAttributes: boolean
}

/**
 * Who calls Temporal, and with what he proves whom he calls for.
 * @throws {Error} when the signing key cannot be read
 */
export function callerOf(
  temporal: Pick<Caller, 'namespace' | 'identity'>,
  actor: ActorDispatchOptions | undefined,
  log: Log,
): Caller {
  if (actor === undefined) return temporal
  const { signingKeyFile: file, lifetimeS, searchAttributes } = actor
  if (file === undefined) return { ...temporal, searchAttributes }
  const signer = new Signer({ file, lifetimeS, identity: temporal.identity, log })
  signer.start()
  log.info({ kid: signer.kid }, 'actors are signed')
  return { ...temporal, searchAttributes, signer }
}
