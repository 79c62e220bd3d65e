import { z } from 'zod'
import { keysUrlOf } from '../../identity/alb/keys-url.ts'
import { proxyUrl } from '../../identity/http/proxy.ts'
import { claimPath, duration, endpoint, headerName, oneOrMore, text } from '../fields.ts'

const albArn = z.string().refine((arn) => keysUrlOf(arn) !== undefined, {
  message:
    'expected the ARN of an application load balancer: arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/…',
})

/** Users whom an AWS Application Load Balancer has signed in: `x-amzn-oidc-data`. */
export const albProvider = z.strictObject({
  kind: z
    .literal('alb')
    .meta({ implied: true })
    .describe('Users whom an AWS Application Load Balancer has signed in; needed where there is no preset'),
  preset: z.literal('alb').default('alb').describe('Says the same as "kind"'),
  signer: oneOrMore(albArn).describe('ARN of your load balancer, or a list; the signature of any other one is refused'),
  client: oneOrMore(text).describe('Client id of your application at the issuer, or a list'),
  issuer: endpoint('the issuer URL, as the load balancer writes it').describe(
    'Issuer as the load balancer is configured with it',
  ),
  header: headerName.default('x-amzn-oidc-data').describe('Header that carries the signed claims'),
  keysUrl: endpoint('the URL that the id of a key is appended to')
    .optional()
    .describe('URL that the id of a key is appended to; without it the ARN of the signer tells'),
  caFile: text.optional().describe('PEM file with the authorities of the key server, instead of those of the system'),
  proxy: z
    .string()
    .refine((value) => proxyUrl(value) !== undefined, { message: 'expected the URL of an http or https proxy' })
    .optional()
    .describe('URL of an http or https proxy on the way to the keys'),
  clockSkew: duration(0, 600_000)
    .default(10_000)
    .describe('Allowed difference of the clocks; the token lives two minutes'),
  claims: z
    .strictObject({
      subject: claimPath.default(['sub']).describe('Claim that names the caller'),
      tenant: claimPath.default(['tenant']).describe('Claim that gives identity.tenant'),
      roles: claimPath.default(['roles']).describe('Claim that gives identity.roles, a list'),
    })
    .prefault({})
    .describe('Where the token carries what rules need'),
})

export type AlbProvider = z.output<typeof albProvider>
