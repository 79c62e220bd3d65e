import { createInterface } from 'node:readline/promises'
import { InitRefused, missingSettings, type PresetName, PRESETS } from './answers.ts'

/** Answers of the command line; what is missing is asked for. */
export interface Given {
  preset?: PresetName | undefined
  settings: Map<string, string[]>
  host?: string | undefined
  protect?: string[] | undefined
  open?: string[] | undefined
  workflow?: string | undefined
  upstream?: string | undefined
}

/** What to ask for a setting of a provider. */
const QUESTIONS: Readonly<Record<string, string>> = {
  issuer: 'URL of the issuer, as the "iss" claim of tokens writes it',
  audience: 'Name of your API in the "aud" claim of tokens',
  tenants: 'Directory (tenant) id',
  hostedDomains: 'Workspace domain whose people may call',
  repositories: 'Repositories whose workflows may call, such as acme/shop',
  userPool: 'Id of the user pool, such as eu-west-1_AbCdEfGhI',
  clients: 'Ids of the app clients that may call',
}

/**
 * Asks for all that is not given. An empty answer means what stands in brackets.
 * @param output where the questions go: not standard output, which is for the result
 * @throws {InitRefused} the input ended before the last answer
 */
export async function askMissing(
  given: Given,
  input: NodeJS.ReadableStream,
  output: NodeJS.WritableStream,
): Promise<Given> {
  const terminal = createInterface({ input, output })
  // Lines that come faster than questions, from a paste, must not be lost.
  const lines = terminal[Symbol.asyncIterator]()
  const ask = async (question: string, usual: string): Promise<string> => {
    output.write(`${question}${usual === '' ? '' : ` [${usual}]`}: `)
    const { value, done } = await lines.next()
    // Ctrl-C and Ctrl-D: whoever goes away wants no files.
    if (done === true) throw new InitRefused('the questions were not answered: nothing is written')
    return value.trim() === '' ? usual : value.trim()
  }
  try {
    const preset = given.preset ?? (await askPreset(ask))
    const settings = new Map(given.settings)
    for (const key of missingSettings(preset, settings)) {
      if (key === 'accounts') {
        const account = await ask('AWS account, 12 digits', '')
        settings.set(`accounts.${account}`, [await ask(`Issuer of the account ${account}`, '')])
      } else settings.set(key, words(await ask(QUESTIONS[key] ?? key, '')))
    }
    return {
      preset,
      settings,
      host: given.host ?? orNothing(await ask('Host of your API; nothing for any', '')),
      protect: given.protect ?? words(await ask('Paths that need a token', '/**')),
      open: given.open ?? words(await ask('Paths for everybody', '/healthz')),
      workflow: given.workflow ?? orNothing(await ask('Workflow type for allowed requests; nothing for none', '')),
      upstream: given.upstream ?? orNothing(await ask('Server behind HAProxy, host:port', '127.0.0.1:9201')),
    }
  } finally {
    terminal.close()
  }
}

async function askPreset(ask: (question: string, usual: string) => Promise<string>): Promise<PresetName> {
  for (;;) {
    const answer = await ask(`Whose tokens do callers show? ${Object.keys(PRESETS).join(', ')}`, 'oidc')
    if (isPreset(answer)) return answer
  }
}

export function isPreset(name: string): name is PresetName {
  return Object.hasOwn(PRESETS, name)
}

const words = (text: string): string[] => text.split(/[\s,]+/).filter((word) => word !== '')
const orNothing = (text: string): string | undefined => (text === '' ? undefined : text)
