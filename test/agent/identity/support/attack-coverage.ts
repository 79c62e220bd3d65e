/** Sections of the attack list with the number of their cases: those of A are A1 to A11. */
export const SECTIONS = {
  /** Algorithm */
  A: 11,
  /** Key selection */
  K: 11,
  /** Header */
  H: 12,
  /** Encoding */
  E: 13,
  /** Claims */
  C: 28,
  /** Transport and edge */
  T: 11,
  /** JWKS */
  J: 16,
  /** Cache */
  X: 8,
  /** Introspection */
  N: 7,
  /** AWS */
  W: 26,
  /** mTLS */
  L: 9,
  /** Webhook */
  S: 10,
} as const

export interface Coverage {
  /** Where the cases stand by their ids. */
  readonly file: string
  readonly ids: string
  /** The test that runs them, where `file` is a list. */
  readonly by?: string
}

/** Every case goes through real HAProxy, and its status and reason are asserted there. */
export const THROUGH_HAPROXY: readonly Coverage[] = [
  {
    file: 'test/agent/identity/support/attack-list.ts',
    by: 'test/integration/attacks.test.ts',
    ids: `A1 A2 A3 A4 A5 A6 A7 A8 A9 A10 A11 K2 K3 K4 K5 K6 K7 K8 K9 K10 H1 H2 H3 H4 H5 H6 H7 H8 H9 H10 H11 H12
      E1 E2 E3 E4 E5 E6 E7 E8 E9 E10 E11 E12 E13 C1 C3 C4 C5 C6 C7 C8 C9 C12 C13 C14 C15 C16 C17 C18 C20 C21 C22 C23
      C24 C25 C26 C28`,
  },
  {
    file: 'test/agent/identity/support/honest-list.ts',
    by: 'test/integration/attacks.test.ts',
    ids: 'K1 H8 C2 C8 C9 C11 C19 C20 C24 C25',
  },
  { file: 'test/integration/attacks.test.ts', ids: 'C10 C27 T1 T2 T3 T4 T5 T6 T7 T8 T10 T11' },
  { file: 'test/integration/agent-silent.test.ts', ids: 'T9' },
  { file: 'test/integration/key-sets.test.ts', ids: 'K1 K2 K11 J8 J9 J10 J11 J12 J13 X7' },
  { file: 'test/integration/keys-away.test.ts', ids: 'J1 J2 J3 J4 J5 J6 J7 J16' },
  { file: 'test/integration/provider-away.test.ts', ids: 'J15' },
  { file: 'test/integration/remembered-tokens.test.ts', ids: 'J14 X1 X2 X3 X6 X8 C8 C9' },
  { file: 'test/integration/mtls.test.ts', ids: 'X4 L1 L2 L3 L4 L5 L6 L7 L8 L9' },
  { file: 'test/integration/identity-around.test.ts', ids: 'X5' },
  { file: 'test/integration/introspection.test.ts', ids: 'N1 N2 N3 N4 N5 N6 N7' },
  {
    file: 'test/integration/aws-attacks.test.ts',
    ids: 'W1 W2 W3 W4 W5 W6 W7 W8 W9 W10 W11 W12 W13 W14 W15 W16 W17 W18 W19 W20 W21',
  },
  { file: 'test/integration/aws-tokens.test.ts', ids: 'W22 W23 W24' },
  { file: 'test/integration/alb.test.ts', ids: 'W25 W26' },
  { file: 'test/integration/webhook.test.ts', ids: 'S4 S6 S9' },
  { file: 'test/integration/webhook-senders.test.ts', ids: 'S1 S2 S3 S4 S5 S7 S8 S10' },
]

export interface Beside extends Coverage {
  /** Why HAProxy does not show all of it. */
  readonly why: string
}

/** Cases of which a part is held without HAProxy. */
export const BESIDE: readonly Beside[] = [
  {
    file: 'test/agent/identity/support/attack-list.ts',
    by: 'test/agent/identity/attacks.test.ts',
    ids: 'E10 E13 C18 C22',
    why: 'HAProxy itself refuses NUL and what is larger than its buffer, so the agent is asked alone as well',
  },
  {
    file: 'test/agent/identity/strict-jwt.test.ts',
    ids: 'C21',
    why: 'a hundred thousand levels are more than fit into a token, so the parser is asked alone as well',
  },
  {
    file: 'test/agent/identity/token-cache.test.ts',
    ids: 'X8',
    why: 'a million tokens take a quarter of an hour through HAProxy, where the bounds are set lower instead',
  },
]
