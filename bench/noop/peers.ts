import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from '../../agent/dev/tools.ts'

/** An agent in another language: sources in bench/peers, built by scripts/setup/bench.sh. */
export interface Peer {
  readonly name: string
  /** Undefined when this machine could not build it. */
  readonly binary: string | undefined
  /** Of its library and its compiler. */
  versions(): Record<string, string>
}

/** Where each says which version of its library it uses, and how its compiler tells its own. */
const MANIFESTS = {
  go: { file: 'go.mod', library: /^require \S+ v(\S+)/m, compiler: ['go', 'env', 'GOVERSION'] },
  rust: { file: 'Cargo.lock', library: /name = "spop"\nversion = "([^"]+)"/, compiler: ['rustc', '--version'] },
} as const

export function peer(name: string, language: keyof typeof MANIFESTS): Peer {
  const binary = join(ROOT, '.toolchain/bench', name)
  const { file, library, compiler } = MANIFESTS[language]
  return {
    name,
    binary: existsSync(binary) ? binary : undefined,
    versions() {
      const manifest = readFileSync(join(ROOT, 'bench/peers', name, file), 'utf8')
      const [command, ...args] = compiler
      const { stdout } = spawnSync(command, args, { encoding: 'utf8' })
      return { [name]: library.exec(manifest)?.[1] ?? '?', [language]: /\d[\d.]*/.exec(stdout)?.[0] ?? '?' }
    },
  }
}
