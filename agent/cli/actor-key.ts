import { Command, Option } from 'commander'
import type { EnvelopeAlgorithm } from '../actor/envelope.ts'
import { jsonOption } from './options.ts'

interface Options {
  readonly key: string
  readonly jwks: string
  readonly alg: EnvelopeAlgorithm
  readonly json: boolean
}

/** `haproxy-temporal actor-key`. */
export function actorKeyCommand(): Command {
  const command = new Command('actor-key').description('keys that sign who called, for workers to verify')
  // Settings are inherited when a command is added: too early for this one.
  return command.addCommand(createCommand().exitOverride().showHelpAfterError('(--help shows what there is)'))
}

function createCommand(): Command {
  return new Command('create')
    .description('make a key pair: the private key for the agent, the public one into a set for the workers')
    .option('--key <file>', 'new file for the private key (actor.signingKey)', 'actor-key.pem')
    .option('--jwks <file>', 'file with the public keys (actor.verifyKeys); the new one is added', 'actor-keys.json')
    .addOption(new Option('--alg <name>', 'signature algorithm').choices(['EdDSA', 'ES256']).default('EdDSA'))
    .addOption(jsonOption())
    .action(async ({ key: keyFile, jwks: jwksFile, alg, json }: Options) => {
      const { createKey } = await import('../actor/create-key.ts')
      const { kid, keys } = createKey(alg, { keyFile, jwksFile })
      if (json) console.log(JSON.stringify({ ok: true, kid, alg, keyFile, jwksFile, keys }))
      else {
        console.log(`${keyFile}: private key, for actor.signingKey of the agent`)
        console.log(`${jwksFile}: ${keys} public ${keys === 1 ? 'key' : 'keys'}, for actor.verifyKeys of the workers`)
        console.log(`kid ${kid}`)
      }
    })
}
