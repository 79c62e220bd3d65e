import { readFileSync } from 'node:fs'
import type { ListenOptions } from 'node-spoe'
import type { ListenConfig } from './config/schema.ts'
import { UserError } from './errors.ts'

/** `spop.listen` as node-spoe takes it. @throws {UserError} CONFIG_FILE_MISSING when a TLS file cannot be read */
export function listenOptions(listen: readonly ListenConfig[]): ListenOptions[] {
  return listen.map(({ tls, ...options }) => {
    if (tls === undefined) return options
    const { certFile, keyFile, clientCaFile } = tls
    const files = { cert: read(certFile), key: read(keyFile), minVersion: 'TLSv1.2' as const }
    if (clientCaFile === undefined) return { ...options, tls: files }
    return { ...options, tls: { ...files, ca: read(clientCaFile), requestCert: true, rejectUnauthorized: true } }
  })
}

function read(file: string): Buffer {
  try {
    return readFileSync(file)
  } catch (error) {
    throw new UserError('CONFIG_FILE_MISSING', `cannot read ${file}: ${(error as Error).message}`, { cause: error })
  }
}
