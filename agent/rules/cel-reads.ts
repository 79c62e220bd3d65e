import type { ASTNode } from '@marcbachmann/cel-js'
import { suggest } from '../config/suggest.ts'
import { entryStep, fieldStep, type Keyed, presenceStep } from './cel-access.ts'
import { isRoot, type Root, ROOTS } from './cel-fields.ts'
import { hintOf } from './cel-hints.ts'
import { fieldOf, literalText, placeOf, Refused, replaceStep } from './cel-node.ts'

/** What HAProxy and the agent have to tell so that an expression can be evaluated. */
export interface Reads {
  /** In lower case. */
  readonly headers: readonly string[]
  /** Of the query. */
  readonly params: readonly string[]
  /** What spoe.conf sends only where some rule asks for it. */
  readonly connection: readonly ConnectionFact[]
  readonly time: boolean
  readonly verdict: boolean
}

export type ConnectionFact = 'tlsVersion' | 'sni' | 'alpn'
const CONNECTION_FACTS: ReadonlySet<string> = new Set<ConnectionFact>(['tlsVersion', 'sni', 'alpn'])

/** Fields of `request` that a connection has too. */
const OF_CONNECTIONS: ReadonlySet<string> = new Set(['id', 'time'])

/** Maps of the request whose keys must be literals. */
const KEYED: Readonly<Record<string, string>> = { headers: 'header', params: 'parameter of the query' }

/** Names that neither loops nor `cel.bind` may give to something else: what is read could not be told. */
export function isTaken(name: string): boolean {
  return isRoot(name) || name === 'captures' || name === 'cel'
}

/** What the nodes of an expression read, one after the other. */
export class FactReads {
  readonly #source: string
  readonly #captures: ReadonlySet<string>
  readonly #headers = new Set<string>()
  readonly #params = new Set<string>()
  readonly #connection = new Set<ConnectionFact>()
  #time = false
  #verdict = false
  needsIdentity = false
  needsHost = false
  needsRequest = false

  constructor(source: string, captures: ReadonlySet<string>) {
    this.#source = source
    this.#captures = captures
  }

  get reads(): Reads {
    return {
      headers: [...this.#headers],
      params: [...this.#params],
      connection: [...this.#connection],
      time: this.#time,
      verdict: this.#verdict,
    }
  }

  /**
   * Takes note of a node that reads facts, and gives it the step that does.
   * @returns undefined for a node that does not itself
   */
  note(node: ASTNode): true | Refused | undefined {
    if (node.op === 'id') return this.#alone(node)
    if (node.op === 'in') return this.#presence(node, node.args[1], literalText(node.args[0]))
    if (node.op === 'call' && node.args[0] === 'has') {
      const [argument] = node.args[1]
      const member = argument && fieldOf(argument)
      return member && this.#presence(node, member.object, member.name)
    }
    if (node.op !== '.' && node.op !== '[]') return undefined
    const object = node.args[0]
    const keyed = this.#keyed(object)
    if (keyed !== undefined) return this.#key(node, keyed, fieldOf(node)?.name)
    if (object.op !== 'id' || !isRoot(object.args)) return undefined
    const name = fieldOf(node)?.name
    if (name === undefined) {
      return new Refused(node, `fields of "${object.args}" have names that are known at load`, 'Write request.path.')
    }
    return this.#field(node, object.args, name)
  }

  /** `captures`, `headers` or `params`, when the node stands for that map. */
  #keyed(node: ASTNode): Keyed | undefined {
    if (node.op === 'id') return node.args === 'captures' ? 'captures' : undefined
    const field = fieldOf(node)
    if (field?.object.op !== 'id' || field.object.args !== 'request') return undefined
    return field.name === 'headers' || field.name === 'params' ? field.name : undefined
  }

  #alone(node: ASTNode & { op: 'id' }): Refused | undefined {
    const { args: name } = node
    if (name === 'identity') this.needsIdentity = true
    else if (name === 'captures') return this.#dynamic(node, 'captures')
    else if (isRoot(name)) {
      return new Refused(node, `"${name}" cannot stand alone`, `It has ${Object.keys(ROOTS[name]).join(', ')}.`)
    }
    return undefined
  }

  #field(node: ASTNode, root: Root, name: string): true | Refused {
    if (!Object.hasOwn(ROOTS[root], name)) {
      // Within has(), where the type check does not look.
      const { start, end } = placeOf(node)
      const message = `No such key: ${name}`
      return new Refused(node, message, hintOf(message, this.#source, start, end))
    }
    if (root === 'request' && KEYED[name] !== undefined) return this.#dynamic(node, name as 'headers' | 'params')
    if (root === 'identity') this.needsIdentity = true
    if (root === 'verdict') this.#verdict = true
    if (root === 'request' && name === 'host') this.needsHost = true
    if (root === 'request' && !OF_CONNECTIONS.has(name)) this.needsRequest = true
    if (root === 'request' && name === 'time') this.#time = true
    if (root === 'connection' && CONNECTION_FACTS.has(name)) this.#connection.add(name as ConnectionFact)
    replaceStep(node, fieldStep(root, name))
    return true
  }

  /** `"x" in request.headers` and `has(request.headers.x)`. */
  #presence(node: ASTNode, map: ASTNode, name: string | undefined): true | Refused | undefined {
    const keyed = this.#keyed(map)
    if (keyed === undefined) return undefined
    const refused = this.#entry(node, keyed, name)
    if (refused === undefined) replaceStep(node, presenceStep(keyed, this.#canonical(keyed, name ?? '')))
    return refused ?? true
  }

  #key(node: ASTNode, keyed: Keyed, name: string | undefined): true | Refused {
    const refused = this.#entry(node, keyed, name)
    if (refused === undefined) replaceStep(node, entryStep(keyed, this.#canonical(keyed, name ?? '')))
    return refused ?? true
  }

  #canonical(keyed: string, name: string): string {
    return keyed === 'headers' ? name.toLowerCase() : name
  }

  #entry(node: ASTNode, keyed: Keyed, name: string | undefined): Refused | undefined {
    if (name === undefined) return this.#dynamic(node, keyed)
    if (keyed === 'captures') return this.#capture(node, name)
    this.needsRequest = true
    if (keyed === 'params') {
      this.#params.add(name)
      return undefined
    }
    if (!/^[0-9a-z-]+$/i.test(name)) {
      // More would have to be quoted in spoe.conf, and "_" stands for "-" in the names of its arguments.
      const hint = 'Names of headers have letters, digits and "-": request.headers["x-name"].'
      return new Refused(node, `spoe.conf cannot ask for a header "${name}"`, hint)
    }
    this.#headers.add(name.toLowerCase())
    return undefined
  }

  #capture(node: ASTNode, name: string): Refused | undefined {
    const captures = this.#captures
    if (captures.has(name)) return undefined
    if (captures.size === 0) {
      const hint = `Write {${name}} in every path of the rule: path: "/orders/{${name}}".`
      return new Refused(node, `the path of the rule captures nothing`, hint)
    }
    const close = suggest(name, captures)
    const hint =
      close === undefined
        ? `Every path of the rule gives ${[...captures].join(', ')}; write {${name}} in each for more.`
        : `Did you mean "${close}"?`
    return new Refused(node, `the paths of the rule do not all capture "${name}"`, hint)
  }

  #dynamic(node: ASTNode, keyed: Keyed): Refused {
    if (keyed === 'captures') {
      return new Refused(node, 'what is read of "captures" must be known at load', 'Write captures.id for {id}.')
    }
    return new Refused(
      node,
      `the ${KEYED[keyed]} that is read must be known at load`,
      `Write request.${keyed}["name"] or "name" in request.${keyed}: spoe.conf sends single ones only.`,
    )
  }
}
