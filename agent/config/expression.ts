import type { z } from 'zod'
import { text } from './fields.ts'

/** Compiled and type-checked once the whole file is known. */
export const expression = text.meta({ title: 'CEL expression' })

/** @param gives what it gives, for people */
export const cel = (gives: string): z.ZodString => expression.describe(`Gives ${gives}`)
