import { Command, InvalidArgumentError, Option } from 'commander'
import type { RequestOptions } from '../explain/parse-request.ts'
import { configOption, jsonOption } from './options.ts'

interface Options extends Partial<RequestOptions> {
  readonly config: string
  readonly json: boolean
  readonly all: boolean
  readonly as?: string
  readonly timeout: number
  readonly expect?: string
  readonly event?: string
  readonly har?: string
  readonly log?: string
  readonly against?: string
  readonly host?: string
  readonly examples: number
}

/** Seconds. */
const DEFAULT_TIMEOUT_S = 10
const DEFAULT_EXAMPLES = 3

const collected = (value: string, before: readonly string[] = []): string[] => [...before, value]

const EXAMPLES = `
Exit codes: 0 explained, be it an allow or a denial, or nothing changes; 1 other than --expect says, something changes,
or failure; 2 usage.

  haproxy-temporal explain --request 'POST https://api.example.com/orders/7' --token-file token
  haproxy-temporal explain --request https://api.example.com/ --as identity.json --expect 403
  haproxy-temporal explain --event 6924A0C0-9b2f7a0e-5f0b-4c1e-9e57-0d8f0a7f7f10
  haproxy-temporal explain --log audit.jsonl.gz --against new.yaml
`

export function explainCommand(): Command {
  return new Command('explain')
    .description('tell what the agent decides about a request, and why; and what another configuration would change')
    .addOption(configOption())
    .option('--request <request>', '"POST https://api.example.com/orders/7?x=1", or a URL alone for GET')
    .option('--header <field>', '"name: value"; may be given several times', collected)
    .option('--token <token>', 'the token of "Authorization: Bearer"; --token-file keeps it out of the process list')
    .option('--token-file <file>', 'a file with the token, "-" for standard input')
    .option('--cert <file>', "the client's certificate, PEM or DER; HAProxy is taken to have verified it")
    .option('--body <file>', 'the body, for webhooks: asks the message check_body')
    .option('--source <address>', 'address of the client; default: 127.0.0.1')
    .option('--at <time>', 'when the request comes, such as 2026-11-24T10:00:00Z; default: now')
    .option('--tls-version <version>', 'ssl_fc_protocol; default for https: TLSv1.3')
    .option('--sni <name>', 'ssl_fc_sni; default for https: the host')
    .option('--alpn <protocol>', 'ssl_fc_alpn')
    .option('--id <id>', "HAProxy's unique-id; default: a new one")
    .option('--as <file>', 'JSON with subject, tenant, roles, scopes, claims: who calls, without verifying anything')
    .addOption(seconds())
    .addOption(new Option('--expect <what>', 'allow, deny or a status: exit 1 if it is not so').argParser(toExpected))
    .option('--event <id>', 'a request of the past, by its unique-id or the id of its event')
    .option('--log <file>', 'audit records or the log of HAProxy, also .gz; for --event where agent.yaml names none')
    .option('--har <file>', 'recorded traffic of a browser or proxy, also .gz')
    .option('--against <file>', 'another agent.yaml, to compare with')
    .option('--host <name>', 'the host of requests whose record has none')
    .addOption(
      new Option('--examples <count>', 'requests to show of each change').default(DEFAULT_EXAMPLES).argParser(toCount),
    )
    .addOption(new Option('--all', 'list the rules that were skipped, and all steps of the others').default(false))
    .addOption(jsonOption())
    .addHelpText('after', EXAMPLES)
    .action(async (options: Options, command: Command) => {
      const wrong = misuse(options)
      if (wrong !== undefined) command.error(`error: ${wrong}`, { exitCode: 2 })
      const { explainRecord, explainRequest, explainTraffic } = await import('../explain/run.ts')
      const { json, all, config, timeout, expect, as } = options
      const run = { json, all, config, timeoutMs: timeout * 1000, expect, as }
      if (options.request !== undefined) {
        process.exitCode = await explainRequest({ ...options, request: options.request }, run)
      } else if (options.event !== undefined) {
        process.exitCode = await explainRecord(options.event, options.log, options.host, run)
      } else {
        const { har, log, against, host, examples } = options
        process.exitCode = await explainTraffic({ har, log, against, host, examples }, run)
      }
    })
}

/** What does not go together. */
function misuse({ request, event, har, log, against }: Options): string | undefined {
  const given = [request, event, har, event === undefined ? log : undefined].filter((one) => one !== undefined)
  if (given.length !== 1) return 'give one of --request, --event, --har and --log'
  if (har !== undefined && against === undefined) return '--har needs --against: it does not tell what was decided'
  if (against !== undefined && (request ?? event) !== undefined) return '--against is for --har and --log'
  return undefined
}

function seconds(): Option {
  return new Option('--timeout <seconds>', 'how long providers are waited for')
    .default(DEFAULT_TIMEOUT_S)
    .argParser((text) => {
      const value = Number(text)
      if (!(value > 0 && value <= 600)) throw new InvalidArgumentError('Expected seconds, up to 600.')
      return value
    })
}

function toExpected(text: string): string {
  if (/^(?:allow|deny|[1-5]\d\d)$/.test(text)) return text
  throw new InvalidArgumentError('Expected allow, deny or a status such as 403.')
}

function toCount(text: string): number {
  if (!/^\d{1,3}$/.test(text)) throw new InvalidArgumentError('Expected a number up to 999.')
  return Number(text)
}
