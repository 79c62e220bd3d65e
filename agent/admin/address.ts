import { readFileSync } from 'node:fs'
import { parseTcpAddress } from '../config/address.ts'
import type { AgentConfig } from '../config/schema.ts'

/** Where the agent with this configuration has its admin server, as a URL; undefined without one. */
export function adminUrl({ admin }: Pick<AgentConfig, 'admin'>): string | undefined {
  if (admin === undefined) return undefined
  const { host, port } = parseTcpAddress(admin.listen)
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`
}

/** What callers show there; undefined where they need not. @throws {Error} its file cannot be read */
export function adminToken({ admin }: Pick<AgentConfig, 'admin'>): string | undefined {
  const token = admin?.token
  if (token === undefined) return undefined
  return 'value' in token ? token.value : readFileSync(token.file, 'utf8').trim()
}
