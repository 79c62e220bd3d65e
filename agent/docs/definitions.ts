import type { JsonSchema } from '../config/json-schema-type.ts'

/** The named parts of a schema. */
export class Definitions {
  readonly #definitions: Readonly<Record<string, JsonSchema>>

  constructor({ $defs = {} }: JsonSchema) {
    this.#definitions = $defs
  }

  names(): string[] {
    return Object.keys(this.#definitions)
  }

  /** @throws {TypeError} there is none of that name */
  named(name: string): JsonSchema {
    const found = this.#definitions[name]
    if (found === undefined) throw new TypeError(`the schema defines no ${name}`)
    return found
  }

  /** What a reference refers to, with what stands beside it. */
  resolved({ $ref, ...beside }: JsonSchema): JsonSchema {
    return $ref === undefined ? beside : { ...this.named($ref.slice('#/$defs/'.length)), ...beside }
  }

  /** The alternatives of a value, without the one that it comes from the environment: that holds for all. */
  alternatives(schema: JsonSchema): JsonSchema[] {
    const { anyOf = [schema] } = this.resolved(schema)
    return anyOf.filter(({ $ref }) => $ref !== '#/$defs/reference').map((one) => this.resolved(one))
  }
}
