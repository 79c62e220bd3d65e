/** What to do about refusals that are told in words of their own; the first that fits. `$1` is what the pattern caught. */
const HINTS: readonly [pattern: RegExp, hint: string][] = [
  [/"pseudonymise" and the field "([^"]+)"/, 'Remove "$1" from "fields", or remove "pseudonymise".'],
  [
    /exactly one of "start"/,
    'Write "start" for a workflow of each request, or "signal" or "meter" for one of each "key".',
  ],
  [/expected exactly one of /, 'Write one of them, and remove the others.'],
  [/"hosts" names all that is allowed/, 'Remove "regions", or "hosts".'],
  [/signed headers need a name each/, 'Give "audienceHeader", "bind.methodHeader" and "bind.pathHeader" a name each.'],
  [/either "audience" or "anyAudience/, 'Remove "anyAudience", or "audience".'],
  [/"jwksUri" and "jwksUris" exclude/, 'Move the URL of "jwksUri" into the list "jwksUris".'],
  [/"sha1" is refused/, 'Choose "algorithm: sha256", or add "allowSha1: true".'],
  [
    /"timestampHeader" and \{timestamp\}/,
    'Write {timestamp} into "signed" and add "timestampHeader", or leave out both.',
  ],
  [/"signed": /, 'For example `signed: "{timestamp}.{body}"`.'],
  [/"accounts" names no account/, 'Add an account and its issuer: { "123456789012": "https://…" }.'],
  [/two accounts have the same issuer/, 'Correct one of the issuers.'],
  [/12 digits of each account/, 'Put each account in quotes: "012345678901".'],
  [/have several key sets/, 'Remove "jwksUri" and "jwksUris".'],
  [/"issuer" is of one version/, 'Keep one of the versions, or remove "issuer".'],
  [/audience "account" is in nearly every/, 'Name an audience of your API, and map it into its tokens in Keycloak.'],
  [/audience is the API server/, "Name an audience of your API, and have it in the pod's projected token."],
  [/^(?:[\w.[\]]+: )?write (.+?) for /, 'Write $1.'],
  [/at most (\d+) variables/, 'Remove variables until $1 are left.'],
  [/"(\w+)" is for .*not for scheme/, 'Remove "$1", or choose another "scheme".'],
  [/"(\w+)" is for (?:TCP|UNIX)/, 'Remove "$1", or change the address.'],
  [/needs both/, 'Add the one that is missing, or remove the other.'],
  [/takes no "(\w+)"/, 'Remove "$1".'],
  [/denies, so its route/, 'Remove "route", or "deny" if the requests shall pass.'],
  [/set by .* itself|sets itself/, 'Choose another name.'],
  [/"run" is longer than/, 'Shorten "run", or lengthen "execution".'],
  [/"max" is shorter than/, 'Lengthen "max", or shorten "wait".'],
  [/"strict" is for events/, 'Write durable, or memory.'],
  [/windows do not go with "delivery: strict"/, 'Write "delivery: durable", or "then: sample".'],
  [/"fail" is for "start"/, 'Write use_existing or terminate_existing, or remove "idConflict".'],
  [/stands twice|names a provider twice/, 'Remove one of the two.'],
  [/would send the key in clear text/, 'Remove "tls: false".'],
  [/is no pattern/, 'Write "*" for one whole segment, or end the path with "/**".'],
  [/at least \d+ characters/, 'Make one with "openssl rand -base64 32".'],
]

/** The hint for a message that stands for itself; `undefined` for one that its key or code explains. */
export function refusalHint(message: string): string | undefined {
  for (const [pattern, hint] of HINTS) {
    const match = pattern.exec(message)
    if (match !== null) return hint.replace('$1', () => match[1] ?? '')
  }
  return undefined
}
