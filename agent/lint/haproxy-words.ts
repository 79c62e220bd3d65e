import type { Environment } from '../config/env.ts'

/** A word of a line, unquoted and with its variables replaced. Columns count from 1. */
export interface Word {
  readonly text: string
  readonly column: number
  /** Characters in the file, quotes included. */
  readonly length: number
}

/** HAProxy's quoting (configuration.txt section 2.2): strong and weak quotes, backslashes, variables in weak quotes. */
export function splitWords(line: string, env: Environment): Word[] {
  const words: Word[] = []
  let text = ''
  let start = -1
  let quote = ''
  for (let i = 0; i <= line.length; i++) {
    const char = line[i]
    const outside = quote === ''
    if (char === undefined || (outside && /[\s#]/.test(char))) {
      if (start !== -1) words.push({ text, column: start + 1, length: Math.min(i, line.length) - start })
      text = ''
      start = -1
      if (char === '#') break
      continue
    }
    if (start === -1) start = i
    if (char === '\\' && quote !== "'") text += line[++i] ?? ''
    else if (char === quote) quote = ''
    else if (outside && (char === '"' || char === "'")) quote = char
    else if (quote === '"' && char === '$') {
      const reference = /^\$(?:\{([A-Za-z0-9_]+)\}|([A-Za-z0-9_]+))/.exec(line.slice(i))
      text += reference === null ? char : (env[reference[1] ?? reference[2] ?? ''] ?? '')
      i += (reference?.[0].length ?? 1) - 1
    } else text += char
  }
  return words
}
