import { z } from 'zod'
import { duration } from './fields.ts'

const SECOND = 1000
const HOUR = 3600 * SECOND

/** Name of a workflow as code registers it. */
export const workflowType = z
  .string()
  .regex(/^[A-Za-z_][A-Za-z0-9_.-]{0,199}$/, { message: 'expected a workflow type' })

/** What both kinds of windows take: those of a rule, and those of its budget. */
export const every = duration(5 * SECOND, HOUR).describe('Interval of "window"')

export const maxKeys = z
  .int()
  .min(1)
  .max(100_000)
  .describe('Keys that "window" counts apart in one interval; those beyond it are counted together. Default: 1000')
