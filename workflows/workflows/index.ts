/** The workflows of the bundle: each exported function is a workflow type. */
export { auditTrail } from './audit-trail.ts'
export { requestHook } from './request-hook.ts'
export { trafficWindow } from './traffic-window.ts'
export { usageMeter } from './usage-meter.ts'
