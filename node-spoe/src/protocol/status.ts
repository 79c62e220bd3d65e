/** Status codes of DISCONNECT frames and their messages as HAProxy writes them (SPOE.txt 3.2.9). */
export const STATUS_MESSAGES: Readonly<Record<number, string>> = {
  0: 'normal',
  1: 'I/O error',
  2: 'a timeout occurred',
  3: 'frame is too big',
  4: 'invalid frame received',
  5: 'version value not found',
  6: 'max-frame-size value not found',
  7: 'capabilities value not found',
  8: 'unsupported version',
  9: 'max-frame-size too big or too small',
  10: 'fragmentation not supported',
  11: 'invalid interlaced frames',
  12: 'frame-id not found',
  13: 'resource allocation error',
  99: 'an unknown error occurred',
}

export const STATUS_NORMAL = 0
export const STATUS_UNKNOWN = 99

/** Text for a status code; agents and HAProxy may use codes that are not in the table. */
export function statusMessage(status: number): string {
  return STATUS_MESSAGES[status] ?? 'unknown status'
}
