import { request as httpRequest } from 'node:http'
import { onTestFinished } from 'vitest'
import type { CallKeys } from '../../../../agent/crypto/codec-server/call.ts'
import { type CodecServerOptions, startCodecServer } from '../../../../agent/crypto/codec-server/server.ts'
import { PayloadCipher } from '../../../../agent/crypto/payload-cipher.ts'
import { type KeptLog, keptLog } from '../../secrets/support.ts'
import { ringOf } from '../support/keys.ts'

export interface Reply {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly text: string
}

export interface Call {
  readonly path?: string
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Buffer
}

/** A codec server with the keys a (current) and b, which ends with its test. */
export async function startTestServer(options: Partial<CodecServerOptions> = {}) {
  const cipher = new PayloadCipher({ current: ringOf('a', 'b') })
  const keys: CallKeys = {
    encode: (payload) => cipher.encode(payload),
    decode: async (payload) => cipher.decode(payload),
  }
  const log: KeptLog = keptLog()
  const server = await startCodecServer({ host: '127.0.0.1', port: 0, keys, log, ...options })
  onTestFinished(() => server.close())
  const call = ({ path = '/decode', method = 'POST', headers = {}, body = '{"payloads":[]}' }: Call): Promise<Reply> =>
    new Promise((resolve, reject) => {
      const url = new URL(path, server.url)
      const request = httpRequest(url, { method, headers: { 'content-type': 'application/json', ...headers } })
      request.once('error', reject).once('response', (response) => {
        response.setEncoding('utf8')
        let text = ''
        response.on('data', (chunk: string) => (text += chunk))
        response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }))
      })
      request.end(body)
    })
  return { call, cipher, log, url: server.url }
}
