import { type GroupCall, messagesOf, waysOf } from './engines.ts'
import { type Finding, warning } from './finding.ts'
import { inheritedLines, linesOf, type Section } from './haproxy-file.ts'
import type { LintInput } from './input.ts'
import { argumentsOf, partsOfFetch } from './message-arguments.ts'

/** HAProxy sends of a body what happens to have come, unless it was told to wait for it. */
export function bodies({ haproxy, spoe, ours }: LintInput): Finding[] {
  const waitsAlways = (proxy: Section): boolean =>
    inheritedLines(haproxy, proxy, 'option', 'http-buffer-request').length > 0
  const waitsBefore = ({ proxy, line }: GroupCall): boolean =>
    linesOf(proxy, 'http-request', 'wait-for-body').some(({ number }) => number < line.number)
  return ours.flatMap((engine) =>
    engine.messages.flatMap((message) => {
      const body = argumentsOf(message).find(({ fetch }) => partsOfFetch(fetch).name.startsWith('req.body'))
      if (body === undefined) return []
      const { event, calls } = waysOf(engine, message.name, haproxy)
      // Events come before every rule, and with them before any "wait-for-body".
      const hasty =
        event && messagesOf(engine.agent).includes(message.name)
          ? engine.proxies.filter((proxy) => !waitsAlways(proxy))
          : []
      const early = calls.filter((call) => !waitsAlways(call.proxy) && !waitsBefore(call)).map(({ proxy }) => proxy)
      const [proxy] = [...hasty, ...early]
      if (proxy === undefined) return []
      const text = `"${proxy.name}" of ${haproxy.file} does not wait for the body that the message "${message.name}" sends`
      return [warning(spoe.at('SPOE_BODY_UNBUFFERED', body.line, body.word, text))]
    }),
  )
}
