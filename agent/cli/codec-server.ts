import { Command, InvalidArgumentError, Option } from 'commander'
import type { PayloadKeysConfig } from '../crypto/payload-keys.ts'
import { configOption } from './options.ts'
import { untilSignal } from './signals.ts'

interface Options {
  readonly config: string
  readonly keys?: string
  readonly listen: { readonly host: string; readonly port: number }
  readonly origin?: readonly string[]
  readonly tokenFile?: string
}

const DEFAULT_LISTEN = '127.0.0.1:8081'

/** `haproxy-temporal codec-server`. */
export function codecServerCommand(): Command {
  const command = new Command('codec-server')
  return command
    .description("show encrypted payloads to Temporal's UI and command line")
    .addOption(configOption())
    .option(
      '--keys <file>',
      'the file of keys; default: temporal.payloadKeys of the configuration, which is not read then',
    )
    .addOption(
      new Option('--listen <host:port>', 'where to listen')
        .argParser(parseListen)
        .default(parseListen(DEFAULT_LISTEN), DEFAULT_LISTEN),
    )
    .option('--origin <url...>', "where Temporal's UI is, as browsers call it: http://localhost:8233", collectOrigin)
    .option('--token-file <file>', 'callers show the token in this file; needed where --listen is not on loopback')
    .action(async ({ config: file, keys: keyFile, listen, origin, tokenFile }: Options) => {
      const signalled = untilSignal()
      const [{ startCodecServer, UnprotectedError }, { openPayloadKeys }, { SecretSource }, { createLogger }] =
        await Promise.all([
          import('../crypto/codec-server/server.ts'),
          import('../crypto/payload-keys.ts'),
          import('../secrets/secret-file.ts'),
          import('../log.ts'),
        ])
      const log = createLogger('info', 'codec-server')
      const keys = await openPayloadKeys({ file: keyFile ?? (await configuredKeys(file)) }, log)
      const token = tokenFile === undefined ? undefined : new SecretSource({ file: tokenFile }, log)
      await token?.start()
      try {
        const server = await startCodecServer({ ...listen, keys, token, origins: origin ?? [], log })
        log.info({ url: server.url, origins: origin ?? [] }, `codec server on ${server.url}`)
        const signal = await signalled
        log.info({ signal }, 'stopping')
        await server.close()
      } catch (error) {
        if (!(error instanceof UnprotectedError)) throw error
        command.error(`error: ${error.message}; give --token-file`, { exitCode: 2 })
      } finally {
        token?.close()
        keys.close()
      }
    })
}

interface ConfiguredKeys {
  readonly address: string
  readonly payloadKeys?: PayloadKeysConfig | undefined
}

async function configuredKeys(file: string): Promise<string> {
  const [{ loadConfig }, { UserError }] = await Promise.all([import('../config/load.ts'), import('../errors.ts')])
  const { payloadKeys }: ConfiguredKeys = loadConfig(file).config.temporal
  if (payloadKeys !== undefined) return payloadKeys.file
  throw new UserError('CONFIG_MISSING', `${file} has no "temporal.payloadKeys", and there is no --keys`)
}

function parseListen(text: string): Options['listen'] {
  const [, v6, name, port] = /^(?:\[([0-9a-f:.]+)\]|([^:[\]]+)):(\d{1,5})$/i.exec(text) ?? []
  const host = v6 ?? name
  if (host === undefined || Number(port) > 65_535) throw new InvalidArgumentError('Write host:port, or [::1]:port.')
  return { host, port: Number(port) }
}

/** As the header `Origin` has it: scheme, host and port, without a slash at the end. */
function collectOrigin(text: string, before: readonly string[] = []): readonly string[] {
  if (!URL.canParse(text) || new URL(text).origin !== text.replace(/\/$/, '')) {
    throw new InvalidArgumentError('Write scheme, host and port: http://localhost:8233.')
  }
  return [...before, new URL(text).origin]
}
