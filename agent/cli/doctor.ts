import { Command } from 'commander'
import { configOption, jsonOption } from './options.ts'

/** `haproxy-temporal doctor`. */
export function doctorCommand(): Command {
  return new Command('doctor')
    .description('ask the running agent what HAProxy, Prometheus and Kubernetes ask it; no request is made')
    .addOption(configOption())
    .addOption(jsonOption())
    .action(async ({ config: file, json }: { config: string; json: boolean }) => {
      const { loadConfig } = await import('../config/load.ts')
      const { examine } = await import('../doctor.ts')
      const findings = await examine(loadConfig(file, process.env).config)
      const ok = findings.every((finding) => finding.ok !== false)
      if (json) {
        console.log(JSON.stringify({ ok, findings: findings.map((one) => ({ ...one, ok: one.ok ?? null })) }))
      } else {
        const width = Math.max(...findings.map(({ check }) => check.length))
        for (const { check, ok: good, detail, hint } of findings) {
          console.log(`${good === undefined ? '-' : good ? '✓' : '✗'} ${check.padEnd(width)}  ${detail}`)
          if (good === false && hint !== undefined) console.log(`  hint: ${hint}`)
        }
      }
      process.exitCode = ok ? 0 : 1
    })
}
