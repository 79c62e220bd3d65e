import type { Engine, SpoeOptions } from './spoe.ts'

const nameOf = (engine: Engine): string => engine.name ?? 'demo'

/** The `filter` line of an engine; SPOE_CONF is in HAProxy's environment. */
export function filterLine(engine = 'demo'): string {
  return `filter spoe engine ${engine} config "\${SPOE_CONF}"`
}

/**
 * Lines that show variables of HAProxy as response headers: `txn.demo.a` as `x-txn-demo-a`, none where it is not set.
 * HAProxy sets only variables that its configuration names; this names them.
 */
export function expose(...variables: readonly string[]): string {
  return variables
    .map((name) => {
      const header = `x-${name.replaceAll(/[._]/g, '-')}`
      return `http-after-response set-header ${header} "%[var(${name})]" if { var(${name}) -m found }`
    })
    .join('\n')
}

/** One `[engine]` scope of spoe.conf. */
export function spoeConfig(engine: Engine): string {
  const name = nameOf(engine)
  const sections = engine.messages.split(/^(?=\s*spoe-(?:message|group)\s)/m)
  const messages = sections.filter((text) => /^\s*event\s/m.test(text)).flatMap((text) => sectionName(text, 'message'))
  const groups = sections.flatMap((text) => sectionName(text, 'group'))
  return `[${name}]
spoe-agent ${name}-agent
${messages.length > 0 ? `messages ${messages.join(' ')}` : ''}
${groups.length > 0 ? `groups ${groups.join(' ')}` : ''}
option var-prefix ${name}
option set-on-error error
no option async
no option send-frag-payload
timeout hello 20s
timeout idle 2m
timeout processing ${engine.processingTimeout ?? '20s'}
use-backend ${name}-agents
log global
${engine.options ?? ''}

${engine.messages}
`
}

function sectionName(text: string, kind: 'message' | 'group'): string[] {
  const found = new RegExp(`^\\s*spoe-${kind}\\s+(\\S+)`).exec(text)
  return found === null ? [] : [found[1]!]
}

/** Logs go to standard output, but those of requests: what remains are SPOE events and health checks. */
export function haproxyConfig(options: SpoeOptions, engines: readonly Engine[]): string {
  return `global
log stdout len 8192 format raw daemon
maxconn 2000
nbthread ${options.threads ?? 1}
${options.global ?? ''}

defaults
mode http
timeout connect 20s
timeout client 1m
timeout server 1m
timeout check 20s

frontend web
bind "127.0.0.1:\${WEB_PORT}"
${engines
  .filter(({ filter }) => filter !== false)
  .map((engine) => filterLine(nameOf(engine)))
  .join('\n')}
${options.web ?? ''}
default_backend app

backend app
${options.app ?? ''}
server origin "127.0.0.1:\${ORIGIN_PORT}"

frontend origin
bind "127.0.0.1:\${ORIGIN_PORT}"
${options.origin ?? ''}
http-request return status 200 content-type text/plain string ok

# Which process answers, and how many agents it holds for up; without a filter, so it asks none of them.
frontend probe
bind "127.0.0.1:\${PROBE_PORT}"
http-request return status 200 hdr x-pid %pid
${engines
  .map(nameOf)
  .map((name) => `http-after-response set-header x-up-${name} %[nbsrv(${name}-agents)]`)
  .join('\n')}
${engines.map(agentsBackend).join('\n')}
${options.sections ?? ''}
`
}

function agentsBackend(engine: Engine): string {
  const check = engine.check === undefined ? '' : `check ${engine.check}`
  return `
backend ${nameOf(engine)}-agents
.if version_atleast(3.1-dev4)
mode spop
.else
mode tcp
.endif
log global
${engine.check === undefined ? '' : 'option spop-check'}
${engine.backend ?? ''}
${engine.agents.map((address, i) => `server a${i + 1} "${serverAddress(address)}" ${check}`).join('\n')}
`
}

function serverAddress(address: string): string {
  return address.replace(/^tcp:\/\//, '').replace(/^unix:\/\//, 'unix@')
}
