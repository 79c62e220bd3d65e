/** Hides what rows hold from whoever reads the file. */
export interface RowCipher {
  /** @param id of the row: what was sealed for one opens for no other */
  seal(text: string, id: string): Uint8Array
  /** @throws {Error} what cannot be read: tampered with, or its key is gone */
  open(bytes: Uint8Array, id: string): string
}
