import {
  type Alias,
  type Document,
  isAlias,
  isCollection,
  isMap,
  isNode,
  isPair,
  isScalar,
  isSeq,
  Lexer,
  type Node,
  Scalar,
  visit,
} from 'yaml'
import { yamlWording } from './yaml-errors.ts'

/** A part of YAML that is refused, from offset `start` on. */
export interface Refusal {
  readonly start: number
  readonly length: number
  readonly message: string
  readonly hint: string
}

/** Values that aliases may amount to when all are written out. */
const MAX_NODES = 100_000

/** Levels of mappings and lists; the deepest that means something has ten. */
const MAX_DEPTH = 64

const TOO_DEEP = {
  message: `nested deeper than ${MAX_DEPTH} levels`,
  hint: 'Is a bracket never closed, or a line indented too far?',
}

/** Where brackets are nested too deeply: the parser would take very long to give up. */
export function deepBracket(text: string): Refusal | undefined {
  let depth = 0
  let start = 0
  for (const lexeme of new Lexer().lex(text)) {
    // These three mark what follows, and are not in the text.
    if (lexeme === '\u0002' || lexeme === '\u0018' || lexeme === '\u001f') continue
    if (lexeme === '[' || lexeme === '{') depth++
    else if (lexeme === ']' || lexeme === '}') depth--
    if (depth > MAX_DEPTH) return { start, length: 1, ...TOO_DEEP }
    start += lexeme.length
  }
  return undefined
}

/** Tags that change nothing, or only say what a plain value is. */
const TAGS = new Set(['str', 'int', 'float', 'bool', 'null', 'map', 'seq'].map((name) => `tag:yaml.org,2002:${name}`))

/**
 * What YAML allows and this file does not: a reader sees all that it says. Aliases are taken, within limits; merge keys,
 * tags, keys that are no text and other versions of YAML are not.
 */
export function refusedStructure(document: Document, text: string): Refusal[] {
  const refusals: Refusal[] = []
  const { yaml } = document.directives ?? {}
  if (yaml?.explicit === true && yaml.version !== '1.2') {
    const start = Math.max(0, text.indexOf('%YAML'))
    const message = `YAML ${yaml.version}, in which "yes" and "on" mean true`
    refusals.push({ start, length: 9, message, hint: 'Remove the line: the file is read as YAML 1.2.' })
  }
  // Other warnings are about looks, such as a closing bracket that is not indented.
  const warned = document.warnings.filter(({ code }) => /^TAG_|^BAD_DIRECTIVE|^BAD_COLLECTION/.test(code))
  for (const warning of warned) {
    const [start, end] = warning.pos
    refusals.push({ start, length: end - start, ...yamlWording(warning, '', '') })
  }
  visit(document, {
    Node: (_key, node) => {
      if (node.tag === undefined || TAGS.has(node.tag)) return
      const [behind] = node.range ?? [0]
      const start = text.slice(0, behind).search(/!\S*\s*$/)
      if (start === -1 || warned.some(({ pos }) => pos[0] === start)) return
      const name = node.tag.replace('tag:yaml.org,2002:', '!!')
      const message = `the tag ${name}, which this file does not take`
      refusals.push({ start, length: name.length, message, hint: 'Remove it, and write the value as it is meant.' })
    },
    Pair: (_key, { key }) => {
      const refusal = refusedKey(key, text)
      if (refusal !== undefined) refusals.push(refusal)
    },
  })
  return [...refusals, ...refusedAliases(document)]
}

function refusedKey(key: unknown, text: string): Refusal | undefined {
  if (!isNode(key)) return undefined
  const [start, end] = key.range ?? [0, 0]
  if (isCollection(key) || isAlias(key)) {
    const template = text.startsWith('{', start) && text[start - 1] === '{'
    return {
      start: template ? start - 1 : start,
      length: 1,
      message: 'a key that is no text',
      hint: template
        ? 'Templates are not filled in here. For an environment variable write "${NAME}"; other values with "{{" need quotes.'
        : 'Put the key in quotes, or remove the "?" and the brackets.',
    }
  }
  if (isScalar(key) && key.value === null && end <= start) {
    return {
      start: text.indexOf(':', start),
      length: 1,
      message: 'a ":" without a key before it',
      hint: 'Write the key, or remove the ":".',
    }
  }
  if (isScalar(key) && key.value === '<<' && key.type === Scalar.PLAIN) {
    return { start, length: 2, message: 'a merge key, which this file does not take', hint: 'Write the keys out.' }
  }
  if (isScalar(key) && typeof key.value === 'string' && /(?<!\$)\$\{/.test(key.value)) {
    return {
      start,
      length: end - start,
      message: 'an environment reference in a key',
      hint: 'References are for values: write the key out.',
    }
  }
  return undefined
}

function refusedAliases(document: Document): Refusal[] {
  const refusals: Refusal[] = []
  const anchors = new Map<string, Node>()
  const sizes = new Map<Node, number>()
  let total = 0
  const open: Node[] = []
  const refuse = (alias: Alias, message: string, hint: string): number => {
    refusals.push({ start: alias.range?.[0] ?? 0, length: alias.source.length + 1, message, hint })
    return 1
  }
  /** Values of a node when its aliases are written out. */
  const size = (node: unknown): number => {
    if (isPair(node)) return size(node.key) + size(node.value)
    if (!isNode(node)) return 0
    if (isAlias(node)) {
      const target = anchors.get(node.source)
      if (target === undefined) return refuse(node, ...unknownAnchor(node.source))
      if (open.includes(target)) {
        return refuse(node, `"*${node.source}" stands inside what it refers to`, 'Write the value out.')
      }
      total += sizes.get(target) ?? 1
      if (total > MAX_NODES && refusals.length === 0) {
        refuse(node, `aliases that amount to more than ${MAX_NODES} values`, 'Write out what is meant.')
      }
      return sizes.get(target) ?? 1
    }
    if (node.anchor !== undefined) anchors.set(node.anchor, node)
    if (!isCollection(node)) return 1
    if (open.length === MAX_DEPTH) {
      refusals.push({ start: node.range?.[0] ?? 0, length: 1, ...TOO_DEEP })
      return 1
    }
    open.push(node)
    let sum = 1
    for (const item of isMap(node) || isSeq(node) ? node.items : []) sum += size(item)
    open.pop()
    sizes.set(node, Math.min(sum, MAX_NODES + 1))
    return sum
  }
  size(document.contents)
  return refusals
}

function unknownAnchor(name: string): [message: string, hint: string] {
  return [`no anchor is called "${name}"`, `A value that begins with "*" needs quotes: "*${name}".`]
}
