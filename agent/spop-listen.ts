import { readFileSync } from 'node:fs'
import type { SecureContextOptions } from 'node:tls'
import type { ListenOptions } from 'node-spoe'
import type { ListenConfig } from './config/schema.ts'
import { UserError } from './errors.ts'

/** `spop.listen` as node-spoe takes it. @throws {UserError} CONFIG_FILE_MISSING when a TLS file cannot be read */
export function listenOptions(listen: readonly ListenConfig[]): ListenOptions[] {
  return listen.map(({ tls, ...options }) => {
    if (tls === undefined) return options
    const { certFile, keyFile, clientCaFile } = tls
    const ca = clientCaFile === undefined ? undefined : read(clientCaFile)
    const context = secureContext(read(certFile), read(keyFile), ca)
    return { ...options, tls: ca === undefined ? context : { ...context, requestCert: true, rejectUnauthorized: true } }
  })
}

/** What HAProxy is shown, and by whom its own certificate must be signed. All PEM. */
export function secureContext(cert: string, key: string, ca: string | undefined): SecureContextOptions {
  return { cert, key, minVersion: 'TLSv1.2', ...(ca !== undefined && { ca }) }
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw new UserError('CONFIG_FILE_MISSING', `cannot read ${file}: ${(error as Error).message}`, { cause: error })
  }
}
