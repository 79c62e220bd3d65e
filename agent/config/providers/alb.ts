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
  kind: z.literal('alb'),
  preset: z.literal('alb').default('alb'),
  signer: oneOrMore(albArn),
  client: oneOrMore(text),
  issuer: endpoint('the issuer URL, as the load balancer writes it'),
  header: headerName.default('x-amzn-oidc-data'),
  keysUrl: endpoint('the URL that the id of a key is appended to').optional(),
  caFile: text.optional(),
  proxy: z
    .string()
    .refine((value) => proxyUrl(value) !== undefined, { message: 'expected the URL of an http or https proxy' })
    .optional(),
  clockSkew: duration(0, 600_000).default(10_000),
  claims: z
    .strictObject({
      subject: claimPath.default(['sub']),
      tenant: claimPath.default(['tenant']),
      roles: claimPath.default(['roles']),
    })
    .prefault({}),
})

export type AlbProvider = z.output<typeof albProvider>
