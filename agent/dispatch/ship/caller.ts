import type { temporal } from '@temporalio/proto'
import type { Signer } from '../../actor/signer.ts'

type Payload = temporal.api.common.v1.IPayload

/** Who calls, as Temporal is told. */
export interface Caller {
  /** Of actions that name none. */
  readonly namespace: string
  readonly identity: string
  /** Signs who called. Without one, actors are unsigned. */
  readonly signer?: Pick<Signer, 'sign'>
  /** Whether starts carry search attributes of the caller. */
  readonly searchAttributes?: boolean
  /**
   * The payload codec, as the worker has it: for inputs, signals, details and memos. Search attributes must be read by
   * the server and headers are left alone by the SDK's codecs, so neither goes through it.
   *
   * @throws when it cannot encode now; the call then waits
   */
  readonly encode?: (payload: Payload) => Payload
}
