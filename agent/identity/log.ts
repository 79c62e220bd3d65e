/** What this folder needs of a logger; pino's has this shape. Fields never hold tokens, keys or claims. */
export interface Log {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}
