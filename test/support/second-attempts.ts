import type { TestCase } from 'vitest/node'

/**
 * A reporter that tells of each test which only passed when it was run again, and why it failed at first: what is tried
 * twice must not go unnoticed.
 */
export default class SecondAttempts {
  readonly #lines: string[] = []

  onTestCaseResult(test: TestCase): void {
    if (test.diagnostic()?.flaky !== true) return
    const errors = (test.result().errors ?? []).map(({ message }) => `    ${message.split('\n', 1)[0]}\n`)
    this.#lines.push(`  ${test.module.relativeModuleId}: ${test.fullName}\n${errors.join('')}`)
  }

  onTestRunEnd(): void {
    if (this.#lines.length === 0) return
    process.stdout.write(`\npassed at the second attempt: ${this.#lines.length}\n${this.#lines.join('')}`)
  }
}
