/** A header field that may hold a credential. */
export interface HeaderField {
  /** Whole field value (`req.fhdr`): of several fields the last one. */
  readonly value: string
  /** Fields of that name in the request (`req.fhdr_cnt`); a credential in one of two is refused. */
  readonly count: number
}

/** The client's certificate as HAProxy saw it. Present on resumed TLS sessions too. */
export interface CertificateEvidence {
  /** `ssl_c_verify`: 0 when the chain was verified, else OpenSSL's error. Means nothing without a certificate. */
  readonly verify: number
  /** `ssl_c_der`. */
  readonly der: Uint8Array
}

/** The request body as far as HAProxy had it when it asked. */
export interface BodyEvidence {
  /** `req.body`. */
  readonly bytes: Uint8Array
  /** `req.body_size`: bytes the client announced (Content-Length), or those received so far. */
  readonly size: number
}

/**
 * What a request shows of its caller, read once from the NOTIFY before anything waits: the frame's memory is used again
 * afterwards. Strings hold the bytes of the request as latin1. An attacker chose every byte but `source` and `tls`.
 */
export interface Evidence {
  /**
   * HAProxy's unique-id. A question that is put a second time (its first answer was lost, or another rule asks) has the
   * same one, so that what may be used only once is not taken for a replay.
   */
  readonly requestId: string
  readonly method: string
  /** Host header as sent; empty when absent. */
  readonly host: string
  /** Path as sent, without the query: not the canonical one that rules match. */
  readonly path: string
  /** Without the `?`; empty when absent. */
  readonly query: string
  /** Client address. */
  readonly source: string
  readonly tls: boolean
  /** `ssl_fc_protocol`, `ssl_fc_sni`, `ssl_fc_alpn`; empty or left out when there is none, or spoe.conf does not send it. */
  readonly tlsVersion?: string
  readonly sni?: string
  readonly alpn?: string
  /** Whole Authorization field, undefined when absent. */
  readonly authorization: string | undefined
  readonly authorizationCount: number
  /** Other fields by lower-case name (`cookie`, `dpop`, `x-api-key`, ...); only those that spoe.conf sends. */
  readonly headers: ReadonlyMap<string, HeaderField>
  /** Undefined when the client showed none (`ssl_c_used` is 0), or spoe.conf does not send it. */
  readonly certificate: CertificateEvidence | undefined
  /** Undefined where spoe.conf does not send it. */
  readonly body: BodyEvidence | undefined
}

export const NO_HEADERS: ReadonlyMap<string, HeaderField> = new Map()
