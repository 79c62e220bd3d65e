import { z } from 'zod'
import { duration } from '../fields.ts'

/** What providers take that ask somebody about each credential. */
export const remote = {
  timeout: duration(50, 30_000).default(2000).describe('For one answer'),
  concurrency: z
    .int()
    .min(1)
    .max(1024)
    .default(32)
    .describe('Questions at once; what comes on top is answered with 503'),
}

/** Entries of a cache of answers. */
export const maxEntries = z.int().min(1).max(1_000_000).default(50_000)
