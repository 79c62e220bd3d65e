import { Option } from 'commander'

/** The options that mean the same in every command. */
export const configOption = (): Option =>
  new Option('--config <file>', "the agent's configuration").default('agent.yaml')
export const haproxyOption = (): Option =>
  new Option('--haproxy <file>', "HAProxy's configuration").default('haproxy.cfg')
export const spoeOption = (): Option =>
  new Option('--spoe <file>', 'the SPOE configuration that haproxy.cfg names').default('spoe.conf')
export const jsonOption = (): Option =>
  new Option('--json', 'print one JSON object on standard output, and nothing else').default(false)
