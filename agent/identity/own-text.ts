/**
 * The same text in memory of its own. A piece that was cut out of a longer text keeps all of it alive: whatever is kept of
 * a credential, a name in it, say, must be a copy, or the credential is kept as well.
 * @param text latin1
 */
export function ownText(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1')
}
