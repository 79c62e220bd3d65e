import { hash } from 'node:crypto'
import type { SecureContextOptions } from 'node:tls'
import type { Agent, ListenOptions } from 'node-spoe'
import type { ListenConfig } from './config/schema.ts'
import { parseAuthorities } from './identity/certificate/authority.ts'
import { KeyPairFiles, MISMATCH } from './identity/introspection/key-pair.ts'
import type { Log } from './identity/log.ts'
import { WatchedFile } from './secrets/watched-file.ts'
import { secureContext } from './spop-listen.ts'

/** Milliseconds between two looks at the files. */
const POLL_MS = 10_000

const UNFIT = 'certificates of the SPOP listener not replaced: the former ones stay'

interface Watch {
  readonly agent: Pick<Agent, 'replaceTls'>
  readonly log: Log
  /** Milliseconds between two looks; ten seconds when absent. */
  readonly pollMs?: number | undefined
}

/** Watches the files of all listeners with TLS. @param listening the options by which they listen, one for each */
export function watchTls(
  listen: readonly ListenConfig[],
  listening: readonly ListenOptions[],
  watch: Watch,
): { close(): void } {
  const watched = listen.flatMap(({ address, tls }, i) => {
    const shown = listening[i]?.tls
    return tls === undefined || shown === undefined ? [] : [new ListenerTls(address, tls, shown, watch)]
  })
  for (const one of watched) one.start()
  return {
    close() {
      for (const one of watched) one.close()
    },
  }
}

/**
 * Certificate, key and authorities of one listener. When their files have changed, the next connection is shown what they
 * hold now; what cannot be read or does not belong together leaves the former ones in force.
 */
class ListenerTls {
  readonly #address: string
  readonly #watch: Watch
  readonly #certFile: string
  readonly #pair: KeyPairFiles
  readonly #authorities: WatchedFile<string> | undefined
  /** Of what was put in force, or tried, last. */
  #seen: string
  #error: string | undefined
  #timer: NodeJS.Timeout | undefined
  #closed = false

  constructor(
    address: string,
    { certFile, keyFile, clientCaFile }: NonNullable<ListenConfig['tls']>,
    shown: SecureContextOptions,
    watch: Watch,
  ) {
    const { log } = watch
    this.#address = address
    this.#watch = watch
    this.#certFile = certFile
    this.#pair = new KeyPairFiles(certFile, keyFile, log)
    this.#authorities =
      clientCaFile === undefined ? undefined : new WatchedFile({ path: clientCaFile, log, parse: checkedAuthorities })
    this.#seen = digestOf(shown)
  }

  start(): void {
    void this.#look().then(() => this.#later())
  }

  close(): void {
    this.#closed = true
    clearTimeout(this.#timer)
    this.#pair.close()
    this.#authorities?.close()
  }

  #later(): void {
    if (this.#closed) return
    this.#timer = setTimeout(() => this.start(), this.#watch.pollMs ?? POLL_MS)
    this.#timer.unref()
  }

  /** Never rejects. */
  async #look(): Promise<void> {
    await Promise.all([this.#pair.refresh(), this.#authorities?.refresh()])
    if (this.#closed) return
    const { current } = this.#pair
    const ca = this.#authorities?.value
    this.#tellOfMismatch()
    if (current === undefined || (this.#authorities !== undefined && ca === undefined)) return
    const context = secureContext(current.cert, current.key.reveal(), ca)
    const digest = digestOf(context)
    if (digest === this.#seen) return
    this.#seen = digest
    this.#replace(context)
  }

  #replace(context: SecureContextOptions): void {
    const { agent, log } = this.#watch
    const where = { address: this.#address, file: this.#certFile }
    try {
      agent.replaceTls(this.#address, context)
      log.info(where, 'certificates of the SPOP listener replaced: the next connection is shown them')
    } catch (error) {
      log.warn({ ...where, error: (error as Error).message }, UNFIT)
    }
  }

  /** What a file has wrong by itself it has told already. */
  #tellOfMismatch(): void {
    const { lastError } = this.#pair
    if (lastError === MISMATCH && this.#error !== lastError) {
      this.#watch.log.warn({ address: this.#address, file: this.#certFile, error: lastError }, UNFIT)
    }
    this.#error = lastError
  }
}

/** Of one broken certificate Node would trust none, and say nothing. */
function checkedAuthorities(text: string): string {
  parseAuthorities(text)
  return text
}

/** The key need not lie about a second time to be compared. */
function digestOf({ cert, key, ca }: SecureContextOptions): string {
  return hash('sha256', JSON.stringify([cert, key, ca]))
}
