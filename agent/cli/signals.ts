/**
 * Resolves at the first SIGINT or SIGTERM with its name. A second one ends the process at once with exit code 1, for
 * somebody who does not want to wait for the graceful way.
 */
export function untilSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let asked = false
    const listener = (signal: NodeJS.Signals): void => {
      if (asked) process.exit(1)
      asked = true
      resolve(signal)
    }
    process.on('SIGINT', listener)
    process.on('SIGTERM', listener)
  })
}
