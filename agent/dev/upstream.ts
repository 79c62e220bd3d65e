import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

/** What an upstream of the demo says about the request that reached it. */
export interface UpstreamEcho {
  readonly upstream: string
  readonly method: string
  readonly path: string
  /** Names of all headers it received, in small letters. */
  readonly headers: readonly string[]
  /** The identity headers among them, as they came. */
  readonly identity: Readonly<Record<string, string>>
}

export interface Upstream {
  /** `127.0.0.1:port`, for a `server` line. */
  readonly address: string
  close(): Promise<void>
}

/** A small server that tells who HAProxy says is calling. */
export async function startUpstream(name: string, port: number): Promise<Upstream> {
  const server = createServer((request, response) => {
    const headers: string[] = []
    const identity: Record<string, string> = {}
    // rawHeaders keep "_" and "-" apart, which is what the tests of forged headers look for.
    for (let i = 0; i + 1 < request.rawHeaders.length; i += 2) {
      const header = request.rawHeaders[i]?.toLowerCase() ?? ''
      headers.push(header)
      if (/^x[-_]identity/.test(header)) identity[header] = request.rawHeaders[i + 1] ?? ''
    }
    const echo: UpstreamEcho = {
      upstream: name,
      method: request.method ?? '',
      path: request.url ?? '',
      headers,
      identity,
    }
    request.resume()
    response.writeHead(200, { 'content-type': 'application/json' }).end(`${JSON.stringify(echo)}\n`)
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', resolve)
  })
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
