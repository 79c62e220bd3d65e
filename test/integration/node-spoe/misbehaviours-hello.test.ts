import { typed } from '../../node-spoe/support/wire.ts'
import { ack, agentDisconnect, agentHello, set, type Step } from '../../support/fake-agent.ts'
import { both, describeAgentsThat, type Expected, fine, type Row, STALL } from '../../support/misbehaviour.ts'

const GOOD: Expected = { outcomes: [fine({ a: '1' }), fine({ a: '1' })], connections: 1 }

function refused(connections: 'storm' | 'few', disconnect?: number): Expected {
  return { outcomes: [STALL], connections, ...(disconnect !== undefined && { disconnect }) }
}

/** Up to 3.0 HAProxy connects again at once, until the request has waited long enough. */
function storm(disconnect?: number): Expected {
  return refused('storm', disconnect)
}

function row(agent: string, hello: readonly Step[], expected: Pick<Row, 'applet' | 'mux'>): Row {
  return { agent, behaviour: { hello, notify: (notify) => [ack(notify, [set('a', '1')])] }, ...expected }
}

/** An agent whose AGENT-HELLO differs from a good one in this. */
function says(
  agent: string,
  changes: Readonly<Record<string, Buffer | undefined>>,
  expected: Pick<Row, 'applet' | 'mux'> = both(GOOD),
): Row {
  return row(agent, [agentHello(changes)], expected)
}

const whole = agentHello()

describeAgentsThat(
  [
    // 3.2.0 to 3.2.22 reset the connection at these (haproxy#3478); node-spoe says HELLO in one write all the same.
    ...[0, 2, 20].map((ms) =>
      row(
        `sends its HELLO in three writes ${ms} ms apart`,
        [whole.subarray(0, 4), ms, whole.subarray(4, 11), ms, whole.subarray(11)],
        both(GOOD),
      ),
    ),
    says('adds a key to its HELLO', { 'my-key': typed.string('value') }),
    says('announces no capabilities key', { capabilities: undefined }),
    ...['', 'pipelining,async', 'fragmentation,pipelining,async', ' pipelining , foo'].map((value) =>
      says(`announces the capabilities "${value}"`, { capabilities: typed.string(value) }),
    ),
  ],
  4,
)

describeAgentsThat(
  [
    says('announces no max-frame-size', { 'max-frame-size': undefined }, { applet: storm(6), mux: GOOD }),
    says('announces no version', { version: undefined }, { applet: storm(5), mux: refused('few', 5) }),
    ...[65536, 255].map((size) =>
      says(
        `announces a max-frame-size of ${size}`,
        { 'max-frame-size': typed.uint32(size) },
        { applet: storm(9), mux: refused('few', 9) },
      ),
    ),
    ...['1.0', '2.1', '2.0, 2.1'].map((version) =>
      says(
        `announces the version "${version}"`,
        { version: typed.string(version) },
        { applet: storm(8), mux: refused('few', version.includes(',') ? 4 : 8) },
      ),
    ),
    row('sends AGENT-DISCONNECT 13 instead of a HELLO', [agentDisconnect(13), 'FIN'], {
      applet: storm(),
      mux: refused('few'),
    }),
  ],
  1,
)
