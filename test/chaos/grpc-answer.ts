import type { IncomingHttpHeaders, OutgoingHttpHeaders, ServerHttp2Stream } from 'node:http2'
import { type Refusal, refusalHeaders } from './injection.ts'

/** A whole answer of gRPC; all is in the headers where nothing but a status was sent. */
export interface Answer {
  headers: OutgoingHttpHeaders
  trailers: OutgoingHttpHeaders | undefined
  readonly body: Buffer[]
}

/** What gRPC says of a server that is not there. */
export const UNAVAILABLE: Answer = {
  headers: { ':status': 200, 'content-type': 'application/grpc', ...refusalHeaders({ code: 14 }) },
  trailers: undefined,
  body: [],
}

/** What goes to the next hop. */
export function ownHeaders(headers: IncomingHttpHeaders): OutgoingHttpHeaders {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => name !== 'date'))
}

/** No effect where the client is gone. */
export function give(stream: ServerHttp2Stream, { headers, trailers, body }: Answer): void {
  if (stream.destroyed || stream.closed) return
  if (trailers === undefined) return stream.respond(headers, { endStream: true })
  stream.respond(headers, { waitForTrailers: true })
  stream.on('wantTrailers', () => {
    if (!stream.destroyed) stream.sendTrailers(trailers)
  })
  stream.end(Buffer.concat(body))
}

export function refuse(stream: ServerHttp2Stream, refusal: Refusal): void {
  if (stream.destroyed) return
  const headers = { ':status': 200, 'content-type': 'application/grpc' }
  stream.respond({ ...headers, ...refusalHeaders(refusal) }, { endStream: true })
}
