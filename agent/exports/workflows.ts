/**
 * `haproxy-temporal/workflows`: the shipped workflows, for a worker that runs them beside others, and the shapes of what
 * they answer, for clients. Each exported function is a workflow type.
 */
export * from '../../workflows/workflows/index.ts'
export type { AuditTrail } from '../../workflows/workflows/audit-trail.ts'
export type { RequestHookResult, RequestHookStatus } from '../../workflows/workflows/request-hook.ts'
export type { TrafficWindows } from '../../workflows/workflows/traffic-window.ts'
export type { Usage } from '../../workflows/workflows/usage-meter.ts'
