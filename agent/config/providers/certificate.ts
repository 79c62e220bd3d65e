import { z } from 'zod'
import { sources } from '../../identity/certificate/subject.ts'
import { isTrustDomain } from '../../identity/certificate/spiffe.ts'
import { oneOrMore, refuse, text } from '../fields.ts'

const pattern = text.max(1024)
const role = text.max(256)

/** The client certificate that HAProxy verified. */
export const certificateProvider = z
  .strictObject({
    kind: z.literal('certificate'),
    source: z.enum(sources),
    trustDomains: oneOrMore(
      z.string().refine(isTrustDomain, {
        message: 'expected a SPIFFE trust domain such as example.org: small letters, digits, ".", "-" and "_"',
      }),
    ).optional(),
    allow: oneOrMore(pattern).optional(),
    issuers: oneOrMore(text).optional(),
    caFile: text.optional(),
    roles: z.record(pattern, oneOrMore(role)).default({}),
    tenant: z
      .union([text.max(1024), z.strictObject({ segment: z.int().min(1).max(16) })], {
        message: 'expected a name, or { segment: <number> }',
      })
      .optional(),
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
