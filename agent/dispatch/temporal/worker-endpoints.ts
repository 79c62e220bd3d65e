import type { AgentConfig } from '../../config/schema.ts'
import type { Log } from '../protocol.ts'
import { CredentialSource } from './credential-source.ts'
import { endpointFor, temporalOptionsOf } from './options.ts'
import { workerCredentials } from './worker-credentials.ts'

/** What a worker host needs to know of an endpoint. */
export interface WorkerEndpoint {
  readonly address: string
  readonly credentials: ReturnType<typeof workerCredentials>
}

/** The endpoints of a worker, by namespace: the same settings as the dispatcher's, read again when their files change. */
export class WorkerEndpoints {
  readonly #options: ReturnType<typeof temporalOptionsOf>
  readonly #log: Log
  /** By namespace with an endpoint of its own; the others share the one of `undefined`. */
  readonly #sources = new Map<string | undefined, CredentialSource>()

  constructor(config: AgentConfig['temporal'], log: Log) {
    this.#options = temporalOptionsOf(config)
    this.#log = log
  }

  /** Files that cannot be read are no error: the credentials are there as soon as they can. */
  async of(namespace: string): Promise<WorkerEndpoint> {
    const own = Object.hasOwn(this.#options.namespaces ?? {}, namespace) ? namespace : undefined
    const endpoint = endpointFor(this.#options, namespace)
    let source = this.#sources.get(own)
    if (source === undefined) {
      source = new CredentialSource({ endpoint, log: this.#log })
      this.#sources.set(own, source)
    }
    await source.start()
    return { address: endpoint.address, credentials: workerCredentials(source) }
  }

  close(): void {
    for (const source of this.#sources.values()) source.close()
  }
}
