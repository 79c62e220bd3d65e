import type { ActorConfig } from '../config/actor.ts'
import { UserError } from '../errors.ts'
import type { Log } from '../identity/log.ts'
import { MIN_KEY_CHARACTERS, PseudonymKey } from '../identity/pseudonym.ts'
import { SecretSource } from '../secrets/secret-file.ts'
import { Actors } from './actors.ts'
import type { ActorDispatchOptions } from './dispatch-options.ts'

export interface OpenActors {
  readonly actors: Actors
  /** Ends the watch on the file of the secret. */
  readonly close: () => void
}

/**
 * What `actor` of agent.yaml makes of identities.
 * @throws {UserError} when the secret of pseudonyms cannot be read: without it everything that asks for one would be lost
 */
export async function openActors(config: ActorConfig, log: Log): Promise<OpenActors> {
  const { fields, pseudonyms, signingKey } = config
  if (signingKey === undefined) log.info({}, 'actor.signingKey is not set: workers cannot prove who called')
  if (pseudonyms === undefined) return { actors: new Actors(fields), close: () => {} }
  const { key, close } = await openPseudonymKey(pseudonyms, log)
  return { actors: new Actors(fields, key), close }
}

/** The part of `actor` that concerns the calls to Temporal. */
export function dispatchOptionsOf({ signingKey, lifetime, searchAttributes }: ActorConfig): ActorDispatchOptions {
  return { signingKeyFile: signingKey?.file, lifetimeS: lifetime / 1000, searchAttributes }
}

/** @throws {UserError} when the secret cannot be read or is too short */
export async function openPseudonymKey(
  { keyId, secret }: NonNullable<ActorConfig['pseudonyms']>,
  log: Log,
): Promise<{ readonly key: PseudonymKey; readonly close: () => void }> {
  const source = new SecretSource(secret, log)
  await source.start()
  const key = new PseudonymKey(keyId, source)
  if (key.key !== undefined) return { key, close: () => source.close() }
  source.close()
  const what = 'actor.pseudonyms.secret'
  if (source.lastError !== undefined) throw new UserError('CONFIG_FILE_MISSING', `${what}: ${source.lastError}`)
  throw new UserError('CONFIG_INVALID', `${what} has fewer than ${MIN_KEY_CHARACTERS} characters`)
}
