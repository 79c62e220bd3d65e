import { z } from 'zod'
import { audience, presetCommon } from '../../config/providers/jwt-common.ts'
import { endpoint, oneOrMore, refuse, text } from '../../config/fields.ts'
import type { RequiredClaim } from '../config.ts'
import { type PresetConfig, when } from './preset.ts'

const CLOUD = 'https://token.actions.githubusercontent.com'

/** `acme*` would let in `acme-evil`, which anyone may register: what is before the slash names the owner in full. */
const repository = z.string().regex(/^[A-Za-z0-9_-]+\/[A-Za-z0-9._*-]+$/, {
  message: 'expected owner/name, with "*" in the name only, such as acme/* or acme/shop',
})

/** `repo:[^/]*` and each beginning of `repo:`, with a star behind: `repo*` fits whatever `repo:*` does. */
const OPEN_OWNER = /^(?:r(?:e(?:p(?:o(?::[^/]*)?)?)?)?)?\*/

const subject = text.refine((pattern) => !OPEN_OWNER.test(pattern), {
  message:
    'a "*" before the end of the owner lets in owners that anyone may register: expected such as repo:acme/shop:*',
})

const id = z.string().regex(/^\d{1,20}$/, { message: 'expected a number in quotes' })

/** ID tokens of GitHub Actions workflows. */
export const githubActionsProvider = z
  .strictObject({
    ...presetCommon,
    preset: z.literal('github-actions').describe('Workflows of GitHub Actions'),
    issuer: endpoint('the issuer of an Enterprise Server')
      .default(CLOUD)
      .describe('Issuer of GitHub, or of an Enterprise Server: https://<host>/_services/token'),
    audience,
    repositories: oneOrMore(repository)
      .optional()
      .describe('Repositories whose workflows may call, owner/name, "*" for any characters'),
    ownerIds: oneOrMore(id)
      .optional()
      .describe("Ids of owners, which outlive names: a deleted owner's name can be registered anew, its id cannot"),
    subjects: oneOrMore(subject).optional().describe('Patterns of "sub"'),
    refs: oneOrMore(text).optional().describe('Patterns of "ref", such as refs/heads/main'),
    environments: oneOrMore(text).optional().describe('Names of deployment environments'),
    workflows: oneOrMore(text)
      .optional()
      .describe('Patterns of "job_workflow_ref", such as acme/ci/.github/workflows/deploy.yml@refs/heads/main'),
  })
  .superRefine(({ repositories, ownerIds, subjects }, ctx) => {
    if ((repositories ?? ownerIds ?? subjects) !== undefined) return
    refuse(
      ctx,
      'CONFIG_MISSING',
      'say whose workflows may call with "repositories", "ownerIds" or "subjects": without them every repository of GitHub would be accepted',
    )
  })

export function githubActions(settings: z.output<typeof githubActionsProvider>): PresetConfig[] {
  const { issuer, repositories, ownerIds, subjects, refs, environments, workflows } = settings
  const requiredClaims: RequiredClaim[] = [
    ...when(repositories, (patterns) => ({ path: ['repository'], patterns })),
    ...when(ownerIds, (values) => ({ path: ['repository_owner_id'], values })),
    ...when(subjects, (patterns) => ({ path: ['sub'], patterns })),
    ...when(refs, (patterns) => ({ path: ['ref'], patterns })),
    ...when(environments, (values) => ({ path: ['environment'], values })),
    ...when(workflows, (patterns) => ({ path: ['job_workflow_ref'], patterns })),
  ]
  return [
    {
      issuer,
      ...(issuer === CLOUD && { jwksUri: `${CLOUD}/.well-known/jwks` }),
      algorithms: ['RS256'],
      typ: ['JWT'],
      claims: { tenant: ['repository_owner'], roles: [] },
      requiredClaims,
    },
  ]
}
