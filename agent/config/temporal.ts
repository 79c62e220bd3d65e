import { z } from 'zod'
import { refuse, secret, text } from './fields.ts'

const HOST_PORT = /^(?:\[[0-9a-fA-F:.]+\]|[^\s:/[\]]+):\d{1,5}$/

const address = z
  .string()
  .regex(HOST_PORT, { message: 'expected host:port' })
  .refine((value) => Number(/:(\d+)$/.exec(value)?.[1] ?? 0) <= 65_535, { message: 'expected a port up to 65535' })

const tls = z.union([
  z.boolean(),
  z
    .strictObject({
      caFile: text
        .optional()
        .describe(
          "PEM file with the authorities that may sign Temporal's certificate, instead of those of the system; read again when it changes",
        ),
      certFile: text
        .optional()
        .describe('PEM file with the client certificate shown to Temporal; with "keyFile"; read again when it changes'),
      keyFile: text
        .optional()
        .describe('PEM file with the private key of "certFile", without a passphrase; read again when it changes'),
      serverName: text
        .optional()
        .describe(`Name that Temporal's certificate must carry, where it is not the host of "address"`),
    })
    .superRefine(({ certFile, keyFile }, ctx) => {
      if ((certFile === undefined) !== (keyFile === undefined)) {
        refuse(ctx, 'CONFIG_CONFLICT', 'a client certificate needs both "certFile" and "keyFile"')
      }
    }),
])

/** It travels in a header. */
const apiKey = secret.superRefine((value, ctx) => {
  if ('value' in value && !/^[\x21-\x7e]+$/.test(value.value)) {
    refuse(ctx, 'CONFIG_INVALID', 'expected an API key: letters, digits and signs of ASCII, without blanks')
  }
})

interface Proofs {
  readonly tls?: unknown
  readonly apiKey?: unknown
}

/** A key must never travel in clear text. */
function refuseClearText(proofs: Proofs, ctx: z.RefinementCtx): void {
  if (proofs.apiKey !== undefined && proofs.tls === false) {
    refuse(ctx, 'CONFIG_CONFLICT', '"apiKey" with "tls: false" would send the key in clear text')
  }
}

const ownEndpoint = z
  .strictObject({
    address: address.optional().describe('Host and port of its endpoint; default: the "address" of "temporal"'),
    tls: tls
      .optional()
      .describe('TLS to it; default: "tls" and "apiKey" of "temporal", unless one of them stands here'),
    apiKey: apiKey
      .optional()
      .describe('API key for it; default: "tls" and "apiKey" of "temporal", unless one of them stands here'),
  })
  .superRefine(refuseClearText)

/** The section `temporal`. */
export const temporal = z
  .strictObject({
    address: address.describe("Host and port of Temporal's frontend, without a scheme"),
    namespace: text.default('default').describe('Namespace of Temporal'),
    // Left open, it follows from the API key.
    tls: tls
      .optional()
      .describe('TLS to Temporal: true, false, or files; without it true where there is an "apiKey", else false'),
    apiKey: apiKey
      .optional()
      .describe(
        'API key of Temporal Cloud, from the environment or { file: … }, read again when it changes; implies TLS',
      ),
    payloadKeys: z
      .strictObject({
        file: text.describe('File with the keys, read again when it changes; "payload-key create" makes one'),
      })
      .optional()
      .describe('Keys that what Temporal keeps is encrypted with, by agent and worker alike; without it, it is plain'),
    namespaces: z
      .record(text.max(200), ownEndpoint)
      .default({})
      .describe('Namespaces that are reached another way, by name; rules ask for them with "workflow.namespace"'),
  })
  .superRefine(refuseClearText)
  .transform((section) => ({ ...section, tls: section.tls ?? section.apiKey !== undefined }))
