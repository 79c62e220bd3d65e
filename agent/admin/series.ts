import { Counter, Gauge, type Registry } from 'prom-client'

/** Of all names. */
export const PREFIX = 'haproxy_temporal_'

export function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (capital) => `_${capital.toLowerCase()}`)
}

/** Reports each series of a metric once. */
export type Fill = (report: (labels: Record<string, string>, value: number) => void) => void

/** A counter whose values are read when somebody asks. */
export function counter(registry: Registry, name: string, help: string, labelNames: string[], fill: Fill): void {
  const metric = new Counter({ name: PREFIX + name, help, labelNames, registers: [], collect: () => refill() })
  // Without the reset every scrape would add the totals once more.
  const refill = (): void => {
    metric.reset()
    fill((labels, value) => metric.inc(labels, value))
  }
  registry.registerMetric(metric)
}

/** A gauge whose values are read when somebody asks; series that are not reported any more vanish. */
export function gauge(registry: Registry, name: string, help: string, labelNames: string[], fill: Fill): void {
  const metric = new Gauge({ name: PREFIX + name, help, labelNames, registers: [], collect: () => refill() })
  const refill = (): void => {
    metric.reset()
    fill((labels, value) => metric.set(labels, value))
  }
  registry.registerMetric(metric)
}
