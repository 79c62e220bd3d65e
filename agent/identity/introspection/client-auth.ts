import { createPrivateKey, type KeyObject, randomUUID } from 'node:crypto'
import { SignJWT } from 'jose'
import type { IntrospectionProvider } from '../../config/providers/introspection.ts'
import type { Secret } from '../../secrets/secret.ts'
import { SecretSource, WatchedFile } from '../../secrets/secret-file.ts'
import type { SchemeContext } from '../scheme.ts'
import { KeyPairFiles } from './key-pair.ts'

/** What proves to the authorization server who asks. Holds secrets: for one request, never for a log. */
export interface ClientProof {
  readonly headers?: Readonly<Record<string, string>>
  readonly form?: Readonly<Record<string, string>>
  readonly clientCertificate?: { readonly cert: string; readonly key: string }
}

/** How we authenticate as a client (RFC 6749 section 2.3, RFC 7523 section 2.2, RFC 8705 section 2). */
export interface ClientAuth {
  /** Undefined while its file could never be read. */
  prove(): ClientProof | Promise<ClientProof> | undefined
  readonly ready: boolean
  readonly lastError: string | undefined
  start(): Promise<void>
  close(): void
}

/** Seconds for which an assertion is good: one request and the difference of two clocks. */
const ASSERTION_LIFETIME_S = 60

type Client = IntrospectionProvider['client']

export function createClientAuth(client: Client, issuer: string, context: SchemeContext): ClientAuth {
  switch (client.method) {
    case 'client_secret_basic':
      return secretAuth(client.secret, context, (secret) => ({
        headers: { authorization: `Basic ${basic(client.id, secret.reveal())}` },
      }))
    case 'client_secret_post':
      return secretAuth(client.secret, context, (secret) => ({
        form: { client_id: client.id, client_secret: secret.reveal() },
      }))
    case 'private_key_jwt':
      return assertionAuth(client, issuer, context)
    case 'tls_client_auth':
      return certificateAuth(client, context)
  }
}

/** Both are form-encoded first (RFC 6749 section 2.3.1): a colon in the id must not end it. */
function basic(id: string, secret: string): string {
  const encoded = [id, secret].map((part) => new URLSearchParams([['', part]]).toString().slice(1)).join(':')
  return Buffer.from(encoded).toString('base64')
}

function secretAuth(
  config: ConstructorParameters<typeof SecretSource>[0],
  context: SchemeContext,
  proof: (secret: Secret) => ClientProof,
): ClientAuth {
  const source = new SecretSource(config, context.log)
  return {
    prove: () => (source.current === undefined ? undefined : proof(source.current)),
    get ready() {
      return source.current !== undefined
    },
    get lastError() {
      return source.lastError
    },
    start: () => source.start(),
    close: () => source.close(),
  }
}

function assertionAuth(
  client: Extract<Client, { method: 'private_key_jwt' }>,
  issuer: string,
  context: SchemeContext,
): ClientAuth {
  const key = new WatchedFile({ path: client.keyFile, log: context.log, parse: parsePrivateKey })
  const sign = async (privateKey: KeyObject): Promise<ClientProof> => {
    const nowS = Math.floor(context.now() / 1000)
    const alg = client.algorithm ?? algorithmOf(privateKey)
    const assertion = await new SignJWT()
      .setProtectedHeader({ alg, ...(client.keyId === undefined ? {} : { kid: client.keyId }) })
      .setIssuer(client.id)
      .setSubject(client.id)
      .setAudience(client.audience ?? issuer)
      .setJti(randomUUID()) // servers refuse an assertion that they have seen
      .setIssuedAt(nowS)
      .setExpirationTime(nowS + ASSERTION_LIFETIME_S)
      .sign(privateKey)
    return {
      form: {
        client_id: client.id,
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
        client_assertion: assertion,
      },
    }
  }
  return {
    prove: () => (key.value === undefined ? undefined : sign(key.value)),
    get ready() {
      return key.value !== undefined
    },
    get lastError() {
      return key.lastError
    },
    start: () => key.start(),
    close: () => key.close(),
  }
}

function certificateAuth(client: Extract<Client, { method: 'tls_client_auth' }>, context: SchemeContext): ClientAuth {
  const files = new KeyPairFiles(client.certFile, client.keyFile, context.log)
  return {
    prove() {
      const pair = files.current
      if (pair === undefined) return undefined
      return { form: { client_id: client.id }, clientCertificate: { cert: pair.cert, key: pair.key.reveal() } }
    },
    get ready() {
      return files.current !== undefined
    },
    get lastError() {
      return files.lastError
    },
    start: () => files.start(),
    close: () => files.close(),
  }
}

function parsePrivateKey(text: string): KeyObject {
  let key: KeyObject
  try {
    key = createPrivateKey(text)
  } catch {
    throw new Error('not a private key in PEM')
  }
  algorithmOf(key)
  return key
}

/** The usual algorithm of a key. @throws {Error} none signs with such a key */
function algorithmOf({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): string {
  switch (asymmetricKeyType) {
    case 'rsa':
      return 'RS256'
    case 'rsa-pss':
      return 'PS256'
    case 'ed25519':
      return 'EdDSA'
    case 'ec': {
      const curves: Readonly<Record<string, string>> = { prime256v1: 'ES256', secp384r1: 'ES384', secp521r1: 'ES512' }
      const algorithm = curves[asymmetricKeyDetails?.namedCurve ?? '']
      if (algorithm !== undefined) return algorithm
    }
  }
  throw new Error('not a key that signs: expected RSA, P-256, P-384, P-521 or Ed25519')
}
