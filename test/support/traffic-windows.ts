import type { Client } from '@temporalio/client'
import { expect } from 'vitest'
import type { TrafficWindows } from '../../workflows/workflows/traffic-window.ts'

/** The one window that a workflow has been told of. */
export async function onlyWindow(
  client: Client,
  workflowId: string,
): Promise<TrafficWindows['windows'][number] | undefined> {
  const { windows, malformed } = await client.workflow.getHandle(workflowId).query<TrafficWindows>('windows')
  expect(malformed).toBe(0)
  expect(windows).toHaveLength(1)
  return windows[0]
}
