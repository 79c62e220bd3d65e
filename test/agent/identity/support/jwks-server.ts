import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { closeServer, listen } from '../../../support/local-server.ts'

/** How the server answers one path. */
export type Answer = (request: IncomingMessage, response: ServerResponse) => void

/** An issuer on loopback that answers as told, well or badly, and remembers every request. */
export interface JwksServer {
  readonly issuer: string
  /** Paths requested so far. */
  readonly requests: string[]
  /** Publishes these keys at /jwks. */
  publish(keys: readonly object[], headers?: Record<string, string>): void
  /** Answers a path in another way. */
  answer(path: string, answer: Answer): void
  [Symbol.asyncDispose](): Promise<void>
}

/** Answers with this value as JSON. */
export function json(value: unknown, headers: Record<string, string> = {}): Answer {
  return (_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(value))
  }
}

/** Answers with this text as it is. */
export function text(body: string, status = 200, headers: Record<string, string> = {}): Answer {
  return (_request, response) => {
    response.writeHead(status, headers).end(body)
  }
}

/** Never answers. */
export const hang: Answer = () => {}

/** Starts on a free port. Discovery names itself as issuer and /jwks as the key set, which is empty at first. */
export async function startJwksServer(): Promise<JwksServer> {
  const answers = new Map<string, Answer>()
  const requests: string[] = []
  const server = createServer((request, response) => {
    requests.push(request.url ?? '')
    const answer = answers.get(request.url ?? '') ?? text('no such page', 404)
    answer(request, response)
  })
  const issuer = `http://127.0.0.1:${await listen(server, '127.0.0.1')}`
  answers.set('/.well-known/openid-configuration', json({ issuer, jwks_uri: `${issuer}/jwks` }))
  answers.set('/jwks', json({ keys: [] }))
  return {
    issuer,
    requests,
    publish: (keys, headers) => answers.set('/jwks', json({ keys }, headers)),
    answer: (path, answer) => answers.set(path, answer),
    [Symbol.asyncDispose]: () => closeServer(server),
  }
}
