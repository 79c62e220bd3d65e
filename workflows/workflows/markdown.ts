/** A code span for the UI's details: text that a client chose stays in it, whatever it holds. */
export function code(text: string): string {
  return `\`${text.replace(/[`\r\n]/g, ' ')}\``
}
