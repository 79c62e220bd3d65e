import { connect } from 'node:tls'
import type { Edge } from './edge.ts'

export interface RawAnswer {
  readonly status: number
  readonly challenge: string | undefined
  readonly reason: string | undefined
  /** Identity headers that reached the server behind; undefined when none was asked. */
  readonly subject: string | undefined
}

/** Where the first answer of a connection ends (RFC 9112 section 6); -1 while it is not all there. */
export function endOfAnswer(text: string): number {
  const body = text.indexOf('\r\n\r\n') + 4
  if (body < 4) return -1
  const head = text.slice(0, body)
  if (/^transfer-encoding: chunked/im.test(head)) {
    const last = text.indexOf('\r\n0\r\n\r\n', body - 2)
    return last < 0 ? -1 : last + 7
  }
  const end = body + Number(/^content-length: (\d+)/im.exec(head)?.[1])
  return text.length >= end ? end : -1
}

/** What tests ask of the text of an answer. */
export function readAnswer(text: string): RawAnswer {
  return {
    status: Number(/^HTTP\/1\.1 (\d{3})/.exec(text)?.[1] ?? 0),
    challenge: /^www-authenticate: (.*)\r$/im.exec(text)?.[1],
    reason: /"reason":"([a-z_]+)"/.exec(text)?.[1],
    subject: /"x-identity-subject":"([^"]*)"/.exec(text)?.[1],
  }
}

/** Sends the bytes as they are, on a connection of its own: clients of Node refuse what attackers do not. */
function once(edge: Edge, lines: readonly string[]): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port: edge.edge.https, servername: 'localhost', ca: edge.ca })
    let text = ''
    socket.setTimeout(15_000, () => socket.destroy(new Error('no answer within 15 s')))
    socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')))
    // HAProxy may close while a request that is too large is still being sent.
    socket.on('error', (error: NodeJS.ErrnoException) => (text === '' ? reject(error) : resolve(readAnswer(text))))
    socket.on('close', () => resolve(readAnswer(text)))
    const request = ['GET /api/usage HTTP/1.1', 'host: localhost', 'connection: close', ...lines, '', '']
    socket.write(Buffer.from(request.join('\r\n'), 'latin1'))
  })
}

/** What a client gets that writes on, before it has read the answer, when HAProxy has closed. */
function isCutOff(error: unknown): boolean {
  return ['EPIPE', 'ECONNRESET'].includes((error as NodeJS.ErrnoException).code ?? '')
}

/**
 * The answer to `GET /api/usage` with these lines of header. Asks again where the answer was lost, which happens to requests
 * that HAProxy refuses while they are still being sent.
 */
export async function rawAnswer(edge: Edge, lines: readonly string[]): Promise<RawAnswer> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await once(edge, lines)
    } catch (error) {
      if (attempt === 10 || !isCutOff(error)) throw error
    }
  }
}
