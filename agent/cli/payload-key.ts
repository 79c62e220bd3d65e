import { Command } from 'commander'
import type { KeyFileState } from '../crypto/edit-key-file.ts'
import { jsonOption } from './options.ts'

interface Options {
  readonly file: string
  readonly json: boolean
}

interface CreateOptions extends Options {
  readonly id?: string
  readonly current: boolean
}

/** `haproxy-temporal payload-key`. */
export function payloadKeyCommand(): Command {
  const command = new Command('payload-key').description('keys that encrypt payloads and the outbox')
  for (const part of [createCommand(), useCommand(), removeCommand(), listCommand()]) {
    // Settings are inherited when a command is added: too early for these.
    command.addCommand(part.exitOverride().showHelpAfterError('(--help shows what there is)'))
  }
  return command
}

function createCommand(): Command {
  return part('create', 'add a new key to the file, or make the file')
    .option('--id <id>', 'how the key is called; default: its day')
    .option('--current', 'encrypt with it from now on: only where nobody else has a copy of the file', false)
    .action(async ({ file, id, current, json }: CreateOptions) => {
      const { createPayloadKey, newKeyId } = await import('../crypto/edit-key-file.ts')
      const created = id ?? newKeyId(file, new Date())
      const state = createPayloadKey(file, created, current)
      if (json) return print(file, state, json, { created })
      console.log(`${file}: new key ${created}`)
      if (state.current === created) console.log('it encrypts from now on')
      else {
        console.log(`key ${state.current} still encrypts. Give the file to every agent, worker and codec server; then:`)
        console.log(`  haproxy-temporal payload-key use ${created} --file ${file}`)
      }
    })
}

function useCommand(): Command {
  return part('use', 'let a key of the file encrypt from now on')
    .argument('<id>', 'the key')
    .action(async (id: string, { file, json }: Options) => {
      const { usePayloadKey } = await import('../crypto/edit-key-file.ts')
      print(file, usePayloadKey(file, id), json)
    })
}

function removeCommand(): Command {
  return part('remove', 'take a key out of the file: nothing that it has encrypted can be read again')
    .argument('<id>', 'the key')
    .action(async (id: string, { file, json }: Options) => {
      const { removePayloadKey } = await import('../crypto/edit-key-file.ts')
      print(file, removePayloadKey(file, id), json)
    })
}

function listCommand(): Command {
  return part('list', 'show the ids of the keys').action(async ({ file, json }: Options) => {
    const { readKeyFile } = await import('../crypto/edit-key-file.ts')
    print(file, readKeyFile(file), json)
  })
}

function part(name: string, description: string): Command {
  return new Command(name)
    .description(description)
    .option('--file <file>', 'the file of keys (temporal.payloadKeys)', 'payload-keys.yaml')
    .addOption(jsonOption())
}

function print(file: string, { current, ids }: KeyFileState, json: boolean, more: object = {}): void {
  if (json) console.log(JSON.stringify({ ok: true, file, ...more, current, keys: ids }))
  else for (const id of ids) console.log(id === current ? `${id}  encrypts` : `${id}  reads`)
}
