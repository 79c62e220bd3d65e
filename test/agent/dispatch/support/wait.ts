/** Waits until the condition holds. How long it may take is the runner's business, so that a slow machine fails no test. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 10))
}
