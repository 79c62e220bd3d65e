// npm leaves a package that its registry does not have out of the lock file, even where it is an optional one for
// another platform, and "npm ci" then calls the lock file out of step. Some registries carry Linux builds only, so
// the missing entries are written here: version and platform, without a hash. No machine that lacks them needs them.
import { readFileSync, writeFileSync } from 'node:fs'

const path = process.argv[2] ?? 'package-lock.json'
const lock = JSON.parse(readFileSync(path, 'utf8'))
const platforms = ['aix', 'android', 'darwin', 'freebsd', 'linux', 'netbsd', 'openbsd', 'openharmony', 'sunos', 'win32']
const cpus = ['arm', 'arm64', 'ia32', 'loong64', 'mips64el', 'ppc64', 'riscv64', 's390x', 'x64']

const added = []
for (const [at, from] of Object.entries(lock.packages)) {
  for (const [name, version] of Object.entries(from.optionalDependencies ?? {})) {
    const key = `node_modules/${name}`
    if (lock.packages[key] || lock.packages[`${at}/${key}`] || !/^\d/.test(version)) continue
    const words = name.split(/[/-]/)
    const os = platforms.filter((word) => words.includes(word))
    // Only what names its platform: anything else that is missing is a lock file to make anew.
    if (os.length === 0) continue
    const cpu = cpus.filter((word) => words.includes(word))
    const libc = words.includes('musl') ? ['musl'] : words.includes('gnu') && os[0] === 'linux' ? ['glibc'] : []
    lock.packages[key] = {
      version,
      ...(cpu.length > 0 && { cpu }),
      ...(from.dev && { dev: true }),
      ...(libc.length > 0 && { libc }),
      optional: true,
      os,
    }
    added.push(name)
  }
}

if (added.length > 0) {
  // npm's own order of keys, so that its next write changes nothing.
  lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => a.localeCompare(b, 'en')))
  writeFileSync(path, `${JSON.stringify(lock, null, 2)}\n`)
  process.stdout.write(`${added.length}\n`)
}
