import { z } from 'zod'
import { sources } from '../../identity/certificate/subject.ts'
import { isTrustDomain } from '../../identity/certificate/spiffe.ts'
import { oneOrMore, refuse, text } from '../fields.ts'

const pattern = text.max(1024)
const role = text.max(256)

/** The client certificate that HAProxy verified. */
export const certificateProvider = z
  .strictObject({
    kind: z.literal('certificate').describe('Client certificates that HAProxy has verified'),
    source: z
      .enum(sources)
      .describe("Which name of the certificate is the caller's; no other one is looked at when it is missing"),
    trustDomains: oneOrMore(
      z.string().refine(isTrustDomain, {
        message: 'expected a SPIFFE trust domain such as example.org: small letters, digits, ".", "-" and "_"',
      }),
    )
      .optional()
      .describe('SPIFFE trust domains that are accepted, with source uri; the URI must be a SPIFFE ID then'),
    allow: oneOrMore(pattern)
      .optional()
      .describe(
        'Names that may call, or patterns of them; needed unless there are "trustDomains". "**" means everybody',
      ),
    issuers: oneOrMore(text)
      .optional()
      .describe(
        "Authorities that may have issued the certificate, as issuer_dn writes them; without it all of HAProxy's ca-file",
      ),
    caFile: text
      .optional()
      .describe("PEM file: one of these certificates must have signed the client's certificate itself"),
    roles: z
      .record(pattern, oneOrMore(role))
      .default({})
      .describe('Roles by name or pattern; those of all that fit are held'),
    tenant: z
      .union(
        [
          text.max(1024),
          z.strictObject({
            segment: z.int().min(1).max(16).describe("Segment of the SPIFFE ID's path, counted from 1"),
          }),
        ],
        {
          message: 'expected a name, or { segment: <number> }',
        },
      )
      .optional()
      .describe('Tenant of all callers of this provider, or the segment of the SPIFFE ID that names it'),
  })
  .superRefine(({ source, trustDomains, allow, tenant }, ctx) => {
    if (trustDomains !== undefined && source !== 'uri') {
      refuse(ctx, 'CONFIG_CONFLICT', '"trustDomains" needs "source: uri": SPIFFE IDs are URIs')
    }
    if (trustDomains === undefined && allow === undefined) {
      refuse(
        ctx,
        'CONFIG_MISSING',
        source === 'uri'
          ? 'expected "trustDomains", "allow" or both: who of all holders of a verified certificate may call'
          : '"allow" is missing: who of all holders of a verified certificate may call; "**" for everybody',
      )
    }
    if (typeof tenant === 'object' && trustDomains === undefined) {
      refuse(ctx, 'CONFIG_CONFLICT', '"tenant.segment" counts segments of SPIFFE IDs and needs "trustDomains"')
    }
  })

export type CertificateProvider = z.output<typeof certificateProvider>
