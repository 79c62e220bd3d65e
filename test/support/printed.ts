import { afterEach, beforeEach, vi } from 'vitest'

export interface Printed {
  /** Lines of `console.log`. */
  readonly printed: string[]
  /** Lines of `console.error`. */
  readonly told: string[]
}

/**
 * What the commands of a file's tests print, instead of printing it: of the running test only. Their exit code does not
 * become that of the test run.
 */
export function recordPrinted(): Printed {
  const printed: string[] = []
  const told: string[] = []
  beforeEach(() => {
    printed.length = 0
    told.length = 0
    vi.spyOn(console, 'log').mockImplementation((line: string) => void printed.push(line))
    vi.spyOn(console, 'error').mockImplementation((line: string) => void told.push(line))
  })
  afterEach(() => {
    vi.restoreAllMocks()
    process.exitCode = undefined
  })
  return { printed, told }
}
