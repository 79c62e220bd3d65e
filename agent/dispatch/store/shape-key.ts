/** The key of `debounce`, `throttle` and `rateLimit` in the JSON of call options; undefined where they have none. */
export function shapeKeyOf(call: string): string | undefined {
  if (call === '') return undefined
  const { shapeKey } = JSON.parse(call) as { shapeKey?: string }
  return shapeKey
}
