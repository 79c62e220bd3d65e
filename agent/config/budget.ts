import { z } from 'zod'
import { cel } from './expression.ts'
import { refuse, text } from './fields.ts'
import { every, maxKeys, workflowType } from './window-fields.ts'

const windowed = z.strictObject({
  window: workflowType.describe(
    'Workflow type: counts what is beyond the budget, with one summary for each key and interval; counted as windowed',
  ),
  key: cel('the entity key of the summaries, a string; default: the key of the rule').optional(),
  every,
  maxKeys: maxKeys.optional(),
  taskQueue: text.max(200).describe('Task queue of the workflow; default: that of the rule').optional(),
})

/** What a rule may cost. */
export const budget = z
  .strictObject({
    actions: z
      .number()
      .gt(0, { message: 'expected a number above 0' })
      .max(1_000_000)
      .describe('Actions that Temporal bills'),
    per: z.int().min(1).default(1000).describe('For so many requests of the rule'),
    // oxlint-disable-next-line unicorn/no-thenable -- a word of the file; what is made of it is no function
    then: z
      .union([z.enum(['sample']), windowed], {
        message: 'expected "sample" or { window: <workflow type>, every: 10s }',
      })
      .default('sample')
      .describe(
        'What becomes of requests beyond the budget. sample: nothing, they are counted as sampled out; ' +
          'or they are counted in windows',
      ),
  })
  .describe('What the rule may cost. The share of requests that become events follows, so that it holds on average')

/** What of a `workflow` section a budget has to go with. */
interface Around {
  readonly budget?: z.output<typeof budget> | undefined
  readonly key?: string | undefined
  readonly delivery: string
}

/** Refuses a budget that does not go with the rest of its section. */
export function refuseBudget({ budget: limit, key, delivery }: Around, ctx: z.RefinementCtx): void {
  if (limit === undefined || limit.then === 'sample') return
  const path = ['budget', 'then']
  if (limit.then.key === undefined && key === undefined) {
    const message = '"then" needs a "key": the rule has none whose requests could be counted together'
    refuse(ctx, 'CONFIG_MISSING', message, path)
  }
  if (delivery === 'strict') {
    const message = 'windows do not go with "delivery: strict": they are counted in memory until their interval ends'
    refuse(ctx, 'CONFIG_CONFLICT', message, path)
  }
}
