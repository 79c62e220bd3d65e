const UNITS: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** `40ms`, `1.5s`, `5m` in milliseconds; `undefined` when the text is no duration. */
export function parseDuration(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)(us|ms|s|m|h|d)$/.exec(text)
  const unit = UNITS[match?.[2] ?? '']
  return match?.[1] === undefined || unit === undefined ? undefined : Number(match[1]) * unit
}

/** A duration of `ms` milliseconds as the file writes it, in the largest unit that needs no fraction. */
export function formatDuration(ms: number): string {
  const [unit = 'us', size = 0.001] = Object.entries(UNITS).findLast(([, each]) => ms >= each && ms % each === 0) ?? []
  return ms === 0 ? '0s' : `${Math.round(ms / size)}${unit}`
}
