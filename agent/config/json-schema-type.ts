/** The keywords of JSON Schema 2020-12 that agent.yaml needs. */
export interface JsonSchema {
  $schema?: string
  $id?: string
  $ref?: string
  $defs?: Record<string, JsonSchema>
  title?: string
  description?: string
  default?: unknown
  type?: string
  const?: string | number | boolean
  enum?: (string | number | boolean)[]
  pattern?: string
  format?: string
  minimum?: number
  maximum?: number
  exclusiveMinimum?: number
  exclusiveMaximum?: number
  minLength?: number
  maxLength?: number
  minItems?: number
  maxItems?: number
  properties?: Record<string, JsonSchema>
  required?: string[]
  additionalProperties?: boolean | JsonSchema
  propertyNames?: JsonSchema
  items?: JsonSchema
  anyOf?: JsonSchema[]
  oneOf?: JsonSchema[]
  /** Of ours, gone in the result: what may stand in place of a list (one item) or of a mapping (its `address`). */
  shorthand?: 'item' | 'address'
  /** Of ours, gone in the result: the alternative with this constant is the one that is meant where the key is left out. */
  implied?: boolean
}
