/** What `init` writes a configuration for. */
export interface Answers {
  readonly preset: PresetName
  /** Settings of the provider, by key of agent.yaml; `a.b` is the key `b` below `a`. */
  readonly settings: ReadonlyMap<string, readonly string[]>
  /** Host of the protected paths; any when absent. */
  readonly host?: string | undefined
  /** Paths for which a caller must be proven. */
  readonly protect: readonly string[]
  /** Paths for everybody. */
  readonly open: readonly string[]
  /** Workflow type that allowed requests of the protected paths lead to. */
  readonly workflow?: string | undefined
  /** Server behind HAProxy, `host:port`. */
  readonly upstream?: string | undefined
}

/** Settings that a provider of each preset cannot do without. */
export const PRESETS = {
  oidc: ['issuer', 'audience'],
  okta: ['issuer', 'audience'],
  entra: ['tenants', 'audience'],
  auth0: ['issuer', 'audience'],
  google: ['hostedDomains', 'audience'],
  keycloak: ['issuer', 'audience'],
  'github-actions': ['repositories', 'audience'],
  'aws-sts': ['accounts', 'audience'],
  eks: ['issuer', 'audience'],
  kubernetes: ['issuer', 'audience'],
  cognito: ['userPool', 'clients'],
} as const satisfies Readonly<Record<string, readonly string[]>>

export type PresetName = keyof typeof PRESETS

/** Instead of the first one these will do as well. */
const INSTEAD: Readonly<Record<string, readonly string[]>> = {
  hostedDomains: ['emails'],
  repositories: ['ownerIds', 'subjects'],
}

/** Told to whoever started it: an answer that is missing or cannot be right, a file that is there already. */
export class InitRefused extends Error {
  override readonly name = 'InitRefused'
}

/** Settings that are still missing. */
export function missingSettings(preset: PresetName, settings: Answers['settings']): string[] {
  const given = (key: string): boolean =>
    [...settings.keys()].some((name) => name === key || name.startsWith(`${key}.`))
  return PRESETS[preset].filter((key) => ![key, ...(INSTEAD[key] ?? [])].some(given))
}

/** @throws {InitRefused} names the first answer that HAProxy's files could not hold */
export function assertAnswers({ preset, settings, host, protect, open, upstream }: Answers): void {
  const [missing] = missingSettings(preset, settings)
  if (missing !== undefined) {
    const option = missing === 'issuer' || missing === 'audience' ? `--${missing}` : `--setting ${missing}=…`
    throw new InitRefused(`the preset ${preset} needs "${missing}": ${option}`)
  }
  if (protect.length === 0) throw new InitRefused('nothing is to be protected: --protect "/api/**"')
  const path = [...protect, ...open].find((one) => !/^\/[^\s"'\\#]*$/.test(one))
  if (path !== undefined) throw new InitRefused(`"${path}" is no path: expected "/", and no blanks, quotes and "#"`)
  if (upstream !== undefined && !/^(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]+):\d{1,5}$/.test(upstream)) {
    throw new InitRefused(`"${upstream}" is no server: expected host:port`)
  }
  if (host === '') throw new InitRefused('the host is empty: leave it out for any')
}
