import { parentPort, workerData } from 'node:worker_threads'
import { createRemoteJWKSet, jwtVerify } from 'jose'
import { cpuMicrosAsync } from '../harness.ts'

/** Tokens that it verifies each time it is asked, and what it holds them against. */
export interface JoseTokens {
  readonly tokens: readonly string[]
  readonly jwksUri: string
  readonly issuer: string
  readonly audience: string
}

/** jose in a heap of its own: what it leaves behind is not collected in the time of whoever is measured next. */
const { tokens, jwksUri, issuer, audience } = workerData as JoseTokens
const jwks = createRemoteJWKSet(new URL(jwksUri))

parentPort?.on('message', () => {
  void cpuMicrosAsync(tokens.length, (i) => jwtVerify(tokens[i] ?? '', jwks, { issuer, audience })).then((micros) =>
    parentPort?.postMessage(micros),
  )
})
