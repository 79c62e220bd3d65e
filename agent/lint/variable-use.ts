import { suggest } from '../config/suggest.ts'
import { VARIABLE_PREFIX } from '../rules/variables.ts'
import { type Finding, warning } from './finding.ts'
import type { HaproxyFile, Line, Word } from './haproxy-file.ts'
import type { LintInput } from './input.ts'
import { errorVariables, setByAnyone } from './set-variables.ts'

/** What haproxy.cfg makes of the variables: names that nobody sets, scopes that leak, conditions that say something else. */
export function variableUse(input: LintInput): Finding[] {
  const { haproxy, spoe } = input
  return [
    ...[haproxy, spoe].flatMap((file) => unset(input, file)),
    ...linesIn(haproxy).flatMap((line) => [...scopes(haproxy, line), ...errorMatch(input, line)]),
  ]
}

const REFERENCE = /(?<![\w.])(txn|sess|req|res|proc|psess|ptxn)\.temporal\.(\w+)(?![\w.])/g

function unset({ loaded, haproxy, ours }: LintInput, file: HaproxyFile): Finding[] {
  const set = setByAnyone(loaded, haproxy, ours)
  // Another scope is a variable of its own, which only a rule can set.
  const others = new Set(
    Array.from(
      haproxy.text.matchAll(/\bset-var(?:-fmt)?\(((?:sess|req|res|proc)\.temporal\.\w+)/g),
      ([, name]) => name,
    ),
  )
  const told = new Set<string>()
  return linesIn(file).flatMap((line) =>
    line.words.flatMap((word, i) =>
      Array.from(word.text.matchAll(REFERENCE)).flatMap(([name, scope = '', variable = '']): Finding[] => {
        if (told.has(name)) return []
        if (scope === 'txn' || scope === 'ptxn' ? set.has(variable) : others.has(name)) return []
        const isTarget = /^(?:un)?set-var/.test(word.text) && word.text.indexOf(name) < word.text.indexOf(')')
        const known = scope !== 'txn' && set.has(variable) ? variable : suggest(variable, set)
        // A name that is asked for with "-m found" may belong to another configuration of the agent.
        if (isTarget || (known === undefined && isGuarded(line, i, name))) return []
        told.add(name)
        const meant = known === undefined ? undefined : `txn.${VARIABLE_PREFIX}.${known}`
        const why = scope === 'txn' ? '' : ': the agent sets variables of scope txn'
        const message = `nobody sets the variable "${name}"${why}`
        const hint = meant === undefined ? undefined : `Did you mean "${meant}"?`
        return [warning(file.at('HAPROXY_VARIABLE_UNSET', line, placeIn(file, line, word, name), message, hint))]
      }),
    ),
  )
}

/** The name itself within a long word, where quotes and escapes leave it in one piece. */
function placeIn(file: HaproxyFile, line: Line, word: Word, name: string): Word {
  const source = file.text.split('\n')[line.number - 1] ?? ''
  const at = source.indexOf(name, word.column - 1)
  return at === -1 || at >= word.column - 1 + word.length ? word : { text: name, column: at + 1, length: name.length }
}

/** Whether the line, or the very condition, asks whether there is such a variable. */
function isGuarded({ words }: Line, at: number, name: string): boolean {
  const texts = words.map((word) => word.text)
  return texts.some((text, i) => {
    if (text !== '-m' || texts[i + 1] !== 'found') return false
    return texts[i - 1]?.includes(`var(${name})`) === true || i - 1 === at
  })
}

/** A variable of scope `sess` lives on in the next request of the connection, and in those beside it with HTTP/2. */
function scopes(haproxy: HaproxyFile, line: Line): Finding[] {
  const [keyword, action] = line.words
  const target = /^set-var(?:-fmt)?\((sess|proc|res)\.[\w.]+/.exec(action?.text ?? '')
  if (action === undefined || target === null || keyword?.text === 'tcp-request') return []
  const [, scope = ''] = target
  if (scope === 'res') {
    if (keyword?.text !== 'http-request') return []
    const message = 'a variable of scope res that is set with the request is gone when the response comes'
    return [warning(haproxy.at('HAPROXY_VARIABLE_SCOPE', line, action, message, 'Use the scope txn.'))]
  }
  const identity = line.words.slice(2).some((word) => word.text.includes(`txn.${VARIABLE_PREFIX}.`))
  if (!identity && !action.text.includes(`${scope}.${VARIABLE_PREFIX}.`)) return []
  const message = `a variable of scope ${scope} outlives the request: the next one would have this one's caller`
  return [haproxy.at('HAPROXY_VARIABLE_SCOPE', line, action, message, 'Use the scope txn.')]
}

/** `option set-on-error` gives a truth value that holds a number. */
function errorMatch({ haproxy, ours }: LintInput, line: Line): Finding[] {
  const names = errorVariables(ours).map((name) => `var(txn.${VARIABLE_PREFIX}.${name})`)
  return line.words.flatMap((word, i) => {
    const [dash, kind] = line.words.slice(i + 1)
    if (!names.includes(word.text) || dash?.text !== '-m' || kind?.text !== 'bool') return []
    const message = `"${word.text}" holds a number: whether it is true is not whether there was an error`
    return [warning(haproxy.at('HAPROXY_ERROR_MATCH', line, kind, message))]
  })
}

function linesIn(file: HaproxyFile): Line[] {
  return file.sections.flatMap((section) => section.lines)
}
