/** The workflows of the bundle: each exported function is a workflow type. */
export { auditTrail } from './audit-trail.ts'
export { requestHook } from './request-hook.ts'
export { usageMeter } from './usage-meter.ts'
