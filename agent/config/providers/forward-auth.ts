import { z } from 'zod'
import { presets, type PresetName } from '../../identity/forward-auth/presets.ts'
import { RESERVED_VARIABLES } from '../../rules/variables.ts'
import { duration, endpoint, headerName, oneOrMore, refuse, text, variable } from '../fields.ts'
import { common } from './jwt-common.ts'
import { maxEntries, remote } from './remote-common.ts'

/** What the auth server is told by the agent itself, or must never be told by a client. */
const OURS = /^(?:cookie|authorization|host|connection|content-.*|transfer-encoding|x-forwarded-.*|x-original-.*)$/

const cookieName = z
  .string()
  .regex(/^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,128}$/, { message: 'expected the name of a cookie' })

const requestHeader = headerName.refine((name) => !OURS.test(name), { message: 'this header is not passed on' })

/** What a decision may depend on: only that is told to the auth server, and an answer is remembered for no other. */
const per = z.enum(['host', 'path', 'query', 'method', 'source'])

/** Sessions of a login service, checked by asking it: oauth2-proxy, Authelia, authentik and the like. */
export const forwardAuthProvider = z
  .strictObject({
    kind: z.literal('forward_auth').describe('Sessions of a login service, checked by asking it'),
    preset: z
      .enum(Object.keys(presets) as [PresetName, ...PresetName[]])
      .optional()
      .describe('Login service whose path, cookie and headers are known'),
    url: endpoint('the URL of the auth server').describe("URL of the auth server; without a path the preset's is used"),
    cookies: oneOrMore(cookieName)
      .optional()
      .describe("Names of the session cookies, of which no other is sent; the preset's without it"),
    authorization: oneOrMore(z.string().regex(/^[A-Za-z][A-Za-z0-9-]{0,31}$/))
      .optional()
      .describe('Schemes of Authorization headers that are a credential too, and passed on: basic, bearer'),
    forward: z
      .array(requestHeader)
      .max(16)
      .default([])
      .describe('Further request headers that are passed on; spoe.conf has to send each'),
    per: z
      .array(per)
      .optional()
      .describe(
        "What a decision may depend on: only that is told, and an answer is remembered for no other. Without it the preset's, or host",
      ),
    onForbidden: z
      .enum(['policy_denied', 'inactive'])
      .default('policy_denied')
      .describe('What a 403 of the auth server means: known but refused (403), or must log in (401)'),
    claims: z
      .strictObject({
        subject: headerName.optional().describe('Header that names the caller'),
        tenant: headerName.optional().describe('Header that gives identity.tenant'),
        roles: headerName.optional().describe('Header that gives identity.roles'),
        email: headerName.optional().describe('Header that gives identity.claims.email'),
        separator: z.string().min(1).max(4).optional().describe('What stands between roles'),
        variables: z
          .record(variable, headerName)
          .default({})
          .describe('Variables of HAProxy by name, and the headers they come from'),
      })
      .prefault({})
      .describe("Headers of the answer that name the caller; the preset's where left out"),
    ...remote,
    cache: z
      .strictObject({
        active: duration(0, 60_000).default(10_000).describe('Of a good session; 0s asks about every request'),
        refused: duration(0, 5000).default(1000).describe('Of a refusal'),
        maxStale: duration(0, 600_000)
          .default(0)
          .describe('How much longer a good session is believed while the auth server fails'),
        maxEntries: maxEntries.describe('Sessions that are remembered'),
      })
      .prefault({})
      .describe('How long answers are believed'),
    caFile: text
      .optional()
      .describe('PEM file with the authorities of the auth server, instead of those of the system'),
    proxy: common.proxy.describe('URL of an http or https proxy, for an https server'),
  })
  .superRefine(({ preset, cookies, authorization, claims }, ctx) => {
    const known = preset === undefined ? undefined : presets[preset]
    if ((cookies ?? known?.cookies) === undefined && authorization === undefined) {
      refuse(ctx, 'CONFIG_MISSING', '"cookies" is missing: the name of the session cookie')
    }
    if ((claims.subject ?? known?.claims.subject) === undefined) {
      refuse(ctx, 'CONFIG_MISSING', '"claims.subject" is missing: the header of the answer that names the caller')
    }
    for (const name of Object.keys(claims.variables)) {
      if (RESERVED_VARIABLES.has(name))
        refuse(ctx, 'CONFIG_CONFLICT', `the variable "${name}" is set by the agent itself`)
    }
  })

export type ForwardAuthProvider = z.output<typeof forwardAuthProvider>
