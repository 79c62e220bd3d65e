/** How much of a field of the identity workflows get to see. */
export type FieldRule = 'plain' | 'pseudonym' | 'omit'

/** `actor.fields` of agent.yaml. */
export interface ActorFields {
  readonly subject: FieldRule
  readonly tenant: FieldRule
  readonly session: FieldRule
  readonly roles: Exclude<FieldRule, 'pseudonym'>
  readonly scopes: Exclude<FieldRule, 'pseudonym'>
  readonly credentialId: Exclude<FieldRule, 'pseudonym'>
}

/** What attribution needs and no more: a session says nothing that the credential does not. */
export const DEFAULT_FIELDS: ActorFields = {
  subject: 'plain',
  tenant: 'plain',
  session: 'omit',
  roles: 'plain',
  scopes: 'plain',
  credentialId: 'plain',
}
