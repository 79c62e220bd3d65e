import { scheduleActivity, sleep } from '@temporalio/workflow'

/** Workflows of the shipped names that do something else first: what the replay tests must notice. */

export async function requestHook(): Promise<void> {
  await sleep('1 second')
}

export async function usageMeter(): Promise<void> {
  await scheduleActivity('another', [], { startToCloseTimeout: '1 second' })
}

export async function trafficWindow(): Promise<void> {
  await sleep('1 second')
}

export { auditTrail } from '../../../workflows/workflows/audit-trail.ts'
