/** Who may vouch for the caller of a rule. Equal requirements are one object, by which the authenticator knows them. */
export interface Requirement {
  /** `any`: the one credential that the request carries, of whichever provider. `all`: one of each, all valid. */
  readonly mode: 'any' | 'all'
  /** Names of agent.yaml, in the order of preference; with `all` the first one's identity is the caller's. */
  readonly providers: readonly string[]
}
