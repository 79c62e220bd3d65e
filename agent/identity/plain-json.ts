/** A JSON object as JSON.parse makes it. */
export type JsonObject = Record<string, unknown>

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/**
 * Makes parsed JSON safe to hand around, in place: objects lose their prototype (so that no claim path reaches
 * `constructor` or `toString`), a key `__proto__` is dropped (so that no later copy by assignment sets a prototype), and
 * everything is frozen. The nesting must have been bounded before.
 */
export function freezeJson<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) {
    for (const item of value) freezeJson(item)
    return Object.freeze(value)
  }
  Object.setPrototypeOf(value, null)
  for (const [key, member] of Object.entries(value)) {
    if (key === '__proto__') delete (value as JsonObject)[key]
    else freezeJson(member)
  }
  return Object.freeze(value)
}

/**
 * The member at a path of keys, in parsed JSON whether or not {@link freezeJson} has made it safe: what is inherited, and
 * a key `__proto__`, are not found. Arrays are not entered.
 */
export function atPath(value: JsonObject, path: readonly string[]): unknown {
  const [first] = path
  // Nearly every path is one key: this is half of the time.
  if (path.length === 1 && first !== undefined) {
    return Object.hasOwn(value, first) && first !== '__proto__' ? value[first] : undefined
  }
  let current: unknown = value
  for (const key of path) {
    if (!isObject(current) || !Object.hasOwn(current, key) || key === '__proto__') return undefined
    current = current[key]
  }
  return current
}
