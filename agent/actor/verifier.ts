import type { Log } from '../identity/log.ts'
import { openVerificationKeys, type VerificationKeys, type VerifyKeysConfig } from './verification-keys.ts'
import type { EnvelopePlace, EnvelopeResult, EnvelopeVerifier } from './proof.ts'
import { verifyEnvelope } from './verify.ts'

export interface ActorVerifierConfig {
  readonly verifyKeys: VerifyKeysConfig
  /** Whether work for a caller who is not proven is refused. */
  readonly require: boolean
}

/** What a worker proves callers with. */
export class ActorVerifier implements EnvelopeVerifier {
  readonly required: boolean
  readonly #keys: VerificationKeys

  constructor(config: ActorVerifierConfig, log: Log) {
    this.required = config.require
    this.#keys = openVerificationKeys(config.verifyKeys, { log })
  }

  /** Begins to read the keys; resolves when it has tried once, and never rejects. */
  start(): Promise<void> {
    return this.#keys.start()
  }

  verify(envelope: string, place: EnvelopePlace): Promise<EnvelopeResult> {
    return verifyEnvelope(envelope, this.#keys, place)
  }

  close(): void {
    this.#keys.close()
  }
}

/** The verifier that `actor` of agent.yaml asks for, with its keys read as far as they can be; undefined when it asks for none. */
export async function openActorVerifier(
  { verifyKeys, require }: { readonly verifyKeys?: VerifyKeysConfig | undefined; readonly require: boolean },
  log: Log,
): Promise<ActorVerifier | undefined> {
  if (verifyKeys === undefined) {
    log.info({}, 'actor.verifyKeys is not set: callers are as the headers of workflows say, and not proven')
    return undefined
  }
  const verifier = new ActorVerifier({ verifyKeys, require }, log)
  await verifier.start()
  return verifier
}
