/** What a decision may depend on. */
export type Dependency = 'host' | 'path' | 'query' | 'method' | 'source'

interface Preset {
  /** Where it answers. */
  readonly path: string
  /** Undefined where the name differs from one installation to the next. */
  readonly cookies: readonly string[] | undefined
  readonly per: readonly Dependency[]
  /** Headers of its answer. */
  readonly claims: {
    readonly subject: string
    readonly roles: string
    readonly email: string
    readonly separator: string
  }
}

export type PresetName = 'oauth2-proxy' | 'authelia' | 'authentik'

/** The login services that are known by name. */
export const presets: Readonly<Record<PresetName, Preset>> = Object.freeze({
  // Answers 202 or 401; the headers come with its option set_xauthrequest.
  'oauth2-proxy': {
    path: '/oauth2/auth',
    cookies: ['_oauth2_proxy'],
    per: ['host'],
    claims: {
      subject: 'x-auth-request-user',
      roles: 'x-auth-request-groups',
      email: 'x-auth-request-email',
      separator: ',',
    },
  },
  // Its access control looks at the whole request, so nothing may be left out of what an answer is remembered for.
  authelia: {
    path: '/api/authz/auth-request',
    cookies: ['authelia_session'],
    per: ['host', 'path', 'query', 'method', 'source'],
    claims: { subject: 'remote-user', roles: 'remote-groups', email: 'remote-email', separator: ',' },
  },
  // The cookie is authentik_proxy_ and the start of a hash of the client id.
  authentik: {
    path: '/outpost.goauthentik.io/auth/nginx',
    cookies: undefined,
    per: ['host'],
    claims: {
      subject: 'x-authentik-username',
      roles: 'x-authentik-groups',
      email: 'x-authentik-email',
      separator: '|',
    },
  },
})
