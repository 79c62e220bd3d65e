import * as http from 'node:http'
import * as https from 'node:https'
import { proxyFor, type ProxySetting } from './proxy.ts'
import { TunnelAgent } from './tunnel.ts'

export interface PoolOptions {
  /** Connections at once to one host; further requests wait for a free one. */
  readonly maxSockets: number
  /** Milliseconds after which an idle connection is closed, unless the server says sooner (Keep-Alive: timeout). */
  readonly idleMs: number
  /** Milliseconds for the CONNECT of a proxy. */
  readonly connectTimeoutMs: number
  readonly proxy?: ProxySetting | undefined
}

/** Connections that are kept for the next request, for endpoints that are asked many times a second. */
export class ConnectionPool {
  readonly #options: PoolOptions
  readonly #agents = new Map<string, http.Agent>()

  constructor(options: PoolOptions) {
    this.#options = options
  }

  get proxy(): ProxySetting | undefined {
    return this.#options.proxy
  }

  /** The agent that keeps the connections for this URL's scheme and proxy. */
  agentFor(url: URL): http.Agent {
    const proxy = proxyFor(url, this.#options.proxy)
    const key = proxy === undefined ? url.protocol : proxy.href
    let agent = this.#agents.get(key)
    if (agent === undefined) {
      agent = this.#make(url, proxy)
      this.#agents.set(key, agent)
    }
    return agent
  }

  /** Closes all connections, busy ones too. */
  close(): void {
    for (const agent of this.#agents.values()) agent.destroy()
  }

  #make(url: URL, proxy: URL | undefined): http.Agent {
    const { maxSockets, idleMs, connectTimeoutMs } = this.#options
    const keep = { keepAlive: true, maxSockets, maxFreeSockets: maxSockets, timeout: idleMs }
    if (proxy !== undefined) return new TunnelAgent(proxy, connectTimeoutMs, keep)
    return url.protocol === 'https:' ? new https.Agent(keep) : new http.Agent(keep)
  }
}
