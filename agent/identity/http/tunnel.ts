import * as http from 'node:http'
import * as https from 'node:https'
import type { Duplex } from 'node:stream'
import { FetchError } from './fetch-error.ts'

type Callback = (error: Error | null, socket: Duplex) => void

/**
 * Connections to https servers through a proxy, by CONNECT (RFC 9110 section 9.3.6). Node's own `proxyEnv` of an Agent
 * is not used: with 24.21 each server that hangs in the TLS handshake behind the proxy leaves a connection open for ever,
 * because the request gets its socket only after the handshake; an https proxy gets no server name and no CA of ours.
 */
export class TunnelAgent extends https.Agent {
  readonly #proxy: URL
  readonly #timeoutMs: number
  /** CONNECT requests under way: only we know of them. */
  readonly #connecting = new Set<http.ClientRequest>()

  /** @param timeoutMs for the proxy's answer to CONNECT */
  constructor(proxy: URL, timeoutMs: number, options: https.AgentOptions = {}) {
    super(options)
    this.#proxy = proxy
    this.#timeoutMs = timeoutMs
  }

  override createConnection(options: https.RequestOptions, callback: Callback): undefined {
    // Node's types lack undefined for the failure case of this callback.
    const fail = (message: string): void => callback(new FetchError(message), undefined as unknown as Duplex)
    const host = options.host ?? ''
    const target = `${host.includes(':') ? `[${host}]` : host}:${options.port ?? 443}`
    const { protocol, hostname, port } = this.#proxy
    const connect = (protocol === 'https:' ? https : http).request({
      method: 'CONNECT',
      host: hostname.replace(/^\[|\]$/g, ''),
      port: port === '' ? (protocol === 'https:' ? 443 : 80) : port,
      path: target,
      headers: { host: target, ...proxyAuthorization(this.#proxy) },
      agent: false,
      // The private authority of a company signs its proxy as well.
      ...(options.ca === undefined ? {} : { ca: options.ca }),
    })
    this.#connecting.add(connect)
    connect.on('close', () => this.#connecting.delete(connect))
    const timer = setTimeout(() => {
      settle(() => fail('the proxy does not answer'))
      connect.destroy()
    }, this.#timeoutMs)
    timer.unref()
    let settled = false
    const settle = (how: () => void): void => {
      clearTimeout(timer)
      if (!settled) how()
      settled = true
    }
    connect.on('connect', (response, socket, head) => {
      const { statusCode = 0 } = response
      if (statusCode < 200 || statusCode > 299 || head.length > 0) {
        socket.destroy()
        return settle(() => fail(`the proxy refuses (HTTP ${statusCode})`))
      }
      // At once, not after the handshake: whoever ends the request then ends this connection.
      settle(() => {
        let secured: Duplex
        try {
          secured = super.createConnection({ ...options, socket } as https.RequestOptions) as Duplex
        } catch {
          // A client certificate that OpenSSL reads and TLS refuses, one of 1024 bits for example: nobody else would catch it.
          socket.destroy()
          return fail('TLS cannot begin with these certificates')
        }
        callback(null, secured)
      })
    })
    connect.on('response', (response) => {
      response.destroy()
      settle(() => fail(`the proxy refuses (HTTP ${response.statusCode ?? 0})`))
    })
    connect.on('error', (error: NodeJS.ErrnoException) => {
      settle(() => fail(`no connection to the proxy (${error.code ?? error.name})`))
    })
    connect.end()
    return undefined
  }

  /** Closes all connections, those that are being made too. */
  override destroy(): void {
    for (const connect of this.#connecting) connect.destroy()
    super.destroy()
  }
}

function proxyAuthorization({ username, password }: URL): Record<string, string> {
  if (username === '' && password === '') return {}
  const credentials = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`
  return { 'proxy-authorization': `Basic ${Buffer.from(credentials).toString('base64')}` }
}
