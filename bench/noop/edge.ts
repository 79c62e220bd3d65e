import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Cleanup } from '../../agent/dev/cleanup.ts'
import { haproxyReady, startHaproxy } from '../../agent/dev/haproxy.ts'
import { reservePort } from '../../agent/dev/ports.ts'
import { ROOT, toolVersion } from '../../agent/dev/tools.ts'
import type { Running } from './contenders.ts'

/** The frontend without a filter: what HAProxy, wrk and the machine can do by themselves. */
export const ALONE = 'haproxy-alone'

/** One HAProxy with a frontend for each agent. */
export interface Edge {
  /** `2.6` */
  readonly series: string
  /** `2.6.12-1+deb12u4` */
  readonly version: string
  /** Port of an agent's frontend, or of {@link ALONE}. */
  port(name: string): number
  url(name: string): string
}

/** @param series of the set-up: `2.6`, `3.0` or `3.2` */
export async function startEdge(
  series: string,
  agents: readonly Running[],
  folder: string,
  cleanup: Cleanup,
): Promise<Edge> {
  const binary = join(ROOT, '.toolchain/bin', `haproxy-${series}`)
  if (!existsSync(binary)) throw new Error(`HAProxy ${series} is missing: run scripts/setup/haproxy.sh ${series}`)
  const ports = new Map<string, number>()
  for (const name of [ALONE, ...agents.map((agent) => agent.name)]) ports.set(name, await reservePort())
  const port = (name: string): number => ports.get(name) ?? Number.NaN

  const spoe = join(folder, `spoe-${series}.conf`)
  writeFileSync(spoe, agents.map(({ name }) => spoeSection(name)).join('\n'))
  const config = join(folder, `haproxy-${series}.cfg`)
  const sections = agents.map((agent) => agentSections(agent, port(agent.name), spoe))
  writeFileSync(config, [COMMON, frontend(ALONE, port(ALONE)), ...sections].join('\n'))
  const haproxy = startHaproxy({ binary, config, env: {}, logFile: join(folder, `haproxy-${series}.log`) })
  cleanup.add(() => haproxy.stop())
  await haproxyReady(haproxy, port(ALONE))
  return { series, version: toolVersion(binary, '-v'), port, url: (name) => `http://127.0.0.1:${port(name)}/orders/42` }
}

const COMMON = `global
  nbthread 1
  maxconn 1000
defaults
  mode http
  timeout connect 1s
  timeout client 30s
  timeout server 30s
`

function frontend(name: string, port: number, rules = ''): string {
  return `frontend ${name}
  bind 127.0.0.1:${port}
${rules}  http-request return status 200
`
}

/** Only an answer of the agent opens the door. */
function agentSections({ name, address }: Running, port: number, spoe: string): string {
  const rules = `  unique-id-format %{+X}o\\ %ci:%cp_%fi:%fp_%Ts_%rt:%pid
  filter spoe engine ${name} config ${spoe}
  http-request return status 503 if { var(txn.bench.error) -m found }
  http-request return status 403 unless { var(txn.bench.decision) -m str allow }
`
  return `${frontend(name, port, rules)}backend ${name}-agents
  .if version_atleast(3.1-dev4)
  mode spop
  .else
  mode tcp
  .endif
  server a1 ${address.haproxy}
`
}

/** What a real agent needs to know of a request; nobody has to be measured on a loaded machine's worst moment. */
function spoeSection(name: string): string {
  return `[${name}]
spoe-agent ${name}
  messages check
  option var-prefix bench
  option set-on-error error
  option pipelining
  no option async
  no option send-frag-payload
  register-var-names decision status reason rule subject tenant
  timeout hello 1s
  timeout idle 2m
  timeout processing 500ms
  use-backend ${name}-agents

spoe-message check
  args id=unique-id src=src method=method path=path
  args host=req.hdr(host) auth=req.hdr(authorization)
  event on-frontend-http-request
`
}
