import { randomBytes } from 'node:crypto'
import { hostname } from 'node:os'

/**
 * How this process signs its summaries: its name and something that no other process has, also not one that comes after it
 * under the same name. A summary is built once and sent again out of the outbox as it is, so nothing has to stay the same
 * over a restart; and what a restarted agent counts in the same interval must not pass for a repetition.
 *
 * @param name the agent's identity in Temporal where it has one; default: the name of the host
 */
export function windowAgentName(name: string = hostname()): string {
  return `${name.replaceAll('/', '_')}~${randomBytes(6).toString('base64url')}`
}
