import { z } from 'zod'
import { presets, type PresetName } from '../../identity/forward-auth/presets.ts'
import { RESERVED_VARIABLES } from '../../rules/variables.ts'
import { duration, endpoint, headerName, oneOrMore, refuse, text, variable } from '../fields.ts'
import { common } from './jwt-common.ts'

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
    kind: z.literal('forward_auth'),
    preset: z.enum(Object.keys(presets) as [PresetName, ...PresetName[]]).optional(),
    /** Without a path the preset's is used. */
    url: endpoint('the URL of the auth server'),
    cookies: oneOrMore(cookieName).optional(),
    /** Schemes of Authorization headers that are passed on. */
    authorization: oneOrMore(z.string().regex(/^[A-Za-z][A-Za-z0-9-]{0,31}$/)).optional(),
    /** Further headers of the request that are passed on. */
    forward: z.array(requestHeader).max(16).default([]),
    per: z.array(per).optional(),
    /** What a 403 means: the caller is known and must not (403), or must log in (401). */
    onForbidden: z.enum(['policy_denied', 'inactive']).default('policy_denied'),
    /** Headers of the answer. */
    claims: z
      .strictObject({
        subject: headerName.optional(),
        tenant: headerName.optional(),
        roles: headerName.optional(),
        email: headerName.optional(),
        /** Between roles. */
        separator: z.string().min(1).max(4).optional(),
        variables: z.record(variable, headerName).default({}),
      })
      .prefault({}),
    timeout: duration(50, 30_000).default(2000),
    /** Questions at once. */
    concurrency: z.int().min(1).max(1024).default(32),
    cache: z
      .strictObject({
        /** Of a session that is good. 0 asks about every request. */
        active: duration(0, 60_000).default(10_000),
        refused: duration(0, 5000).default(1000),
        /** Past `active`, while the auth server fails. */
        maxStale: duration(0, 600_000).default(0),
        maxEntries: z.int().min(1).max(1_000_000).default(50_000),
      })
      .prefault({}),
    caFile: text.optional(),
    proxy: common.proxy,
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
