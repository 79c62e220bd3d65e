import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createPayloadKey } from '../../agent/crypto/edit-key-file.ts'
import { certificateAuthority, type ClientCertificate, clientCertificate } from '../support/client-certificates.ts'
import type { EndpointFiles } from './config.ts'

/** What the proxy shows, and whose clients it takes; PEM. */
export interface ProxyTls {
  readonly ca: string
  readonly cert: string
  readonly key: string
}

/** Certificates and keys between the agent and the proxy, which both can change while they run. */
export class Credentials {
  readonly files: EndpointFiles
  readonly #folder: string
  readonly #server: ClientCertificate
  readonly #clients: ClientCertificate
  #generation = 0
  apiKey = 'key-0'
  /** Common name of the agent's certificate. */
  client = 'agent-0'

  private constructor(folder: string, server: ClientCertificate, clients: ClientCertificate) {
    this.#folder = folder
    this.#server = server
    this.#clients = clients
    const path = (name: string): string => join(folder, name)
    this.files = {
      caFile: path('ca.pem'),
      certFile: path('cert.pem'),
      keyFile: path('key.pem'),
      keyOfApi: path('api-key'),
      keysOfOutbox: path('outbox-keys.yaml'),
    }
  }

  /** @param folder for the files that the agent reads */
  static async create(folder: string): Promise<Credentials> {
    mkdirSync(folder, { recursive: true })
    const [server, clients] = [await certificateAuthority('CN=Server CA'), await certificateAuthority('CN=Client CA')]
    const made = new Credentials(folder, server, clients)
    made.#write('ca.pem', server.cert)
    await made.rotate()
    return made
  }

  /** A new certificate of the proxy. */
  async serverTls(): Promise<ProxyTls> {
    const issued = { issuer: this.#server, name: 'CN=localhost', names: [['dns', 'localhost']] as const }
    const { cert, key } = await clientCertificate(issued)
    return { cert, key, ca: this.#clients.cert }
  }

  /** A new certificate and a new API key of the agent, and a new key of its outbox beside those before. */
  async rotate(): Promise<void> {
    this.#generation++
    this.apiKey = `key-${this.#generation}`
    this.client = `agent-${this.#generation}`
    const { cert, key } = await clientCertificate({ issuer: this.#clients, name: `CN=${this.client}` })
    this.#write('cert.pem', cert)
    this.#write('key.pem', key)
    this.#write('api-key', this.apiKey)
    createPayloadKey(this.files.keysOfOutbox, `key-${this.#generation}`, true)
  }

  /** By a rename, as whoever rotates them should do. */
  #write(name: string, text: string): void {
    const draft = join(this.#folder, `.${name}`)
    writeFileSync(draft, text, { mode: 0o600 })
    renameSync(draft, join(this.#folder, name))
  }
}
