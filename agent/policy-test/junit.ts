import { relative } from 'node:path'
import type { RunResult, TestResult } from './run.ts'

/** The report that CI systems read: a suite for each file, a case for each test and caller. */
export function junit({ results }: RunResult): string {
  const files = Map.groupBy(results, ({ file }) => file)
  const suites = [...files].map(([file, own]) => suite(file, own))
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites${totals(results)}>\n${suites.join('')}</testsuites>\n`
}

function suite(file: string, results: readonly TestResult[]): string {
  const name = relative('', file)
  const cases = results.map((result) => testCase(name, result))
  return `  <testsuite name="${escaped(name)}"${totals(results)}>\n${cases.join('')}  </testsuite>\n`
}

function testCase(file: string, { name, line, differences, happened, ms }: TestResult): string {
  const attributes = `name="${escaped(name)}" classname="${escaped(file)}" file="${escaped(file)}" line="${line}"`
  const open = `    <testcase ${attributes} time="${seconds(ms)}"`
  if (differences.length === 0) return `${open}/>\n`
  const lines = differences.map((one) => `${file}:${one.line}:${one.column}: ${one.text}`)
  const message = differences.map(({ text }) => text).join('; ')
  const body = escaped([...lines, `happened: ${happened}`].join('\n'))
  return `${open}>\n      <failure message="${escaped(message)}">${body}</failure>\n    </testcase>\n`
}

function totals(results: readonly TestResult[]): string {
  const failures = results.filter(({ differences }) => differences.length > 0).length
  const ms = results.reduce((sum, result) => sum + result.ms, 0)
  return ` tests="${results.length}" failures="${failures}" errors="0" skipped="0" time="${seconds(ms)}"`
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(6)
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  '\n': '&#10;',
}

/** For text and attributes; what XML 1.0 has no characters for is replaced. */
function escaped(text: string): string {
  return text
    .toWellFormed()
    .replace(/[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/g, '\ufffd')
    .replace(/[&<>"\n]/g, (char) => ENTITIES[char] ?? char)
}
