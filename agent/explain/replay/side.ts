import { Actors } from '../../actor/actors.ts'
import type { LoadedConfig } from '../../config/load.ts'
import type { Needs } from '../../identity/scheme.ts'
import { wordingOf } from '../../wording.ts'
import { type AssumedCaller, assumingAuthenticator } from '../assumed.ts'
import { type Answer, Engine } from '../engine.ts'
import { NoLimits } from '../no-limits.ts'
import { identityForExplain, startProviders } from '../providers.ts'
import { Secrets } from '../secrets.ts'
import { Steps } from '../steps.ts'
import { MissingFacts } from './missing.ts'
import { RecordedCallers } from './recorded-authenticator.ts'
import type { Fact, Outcome, RecordedRequest } from './recorded.ts'

/** Who calls: as the records tell, as somebody says, or by the credentials that the requests carry. */
export type CallersFrom = 'records' | 'credentials' | AssumedCaller

export interface SideOptions {
  readonly callers: CallersFrom
  readonly timeoutMs: number
  readonly progress: (text: string) => void
}

/** What a configuration makes of a request. */
export interface Told {
  readonly outcome: Outcome
  /** What it rests on that the record does not tell. */
  readonly missing: readonly Fact[]
}

/** A configuration that recorded requests are put to. Limits are not exceeded, and nothing is sent. */
export class Side {
  readonly #engine: Engine
  readonly #steps = new Steps()
  readonly #missing: MissingFacts
  readonly #callers: RecordedCallers | undefined
  readonly #close: () => void
  /** For what is printed of a request. */
  readonly secretsOf: (record: RecordedRequest) => Secrets

  private constructor(
    engine: (trace: Steps) => Engine,
    loaded: LoadedConfig,
    needs: Needs,
    callers: RecordedCallers | undefined,
    close: () => void,
  ) {
    this.secretsOf = ({ request }) => new Secrets(request, loaded.config, needs)
    this.#engine = engine(this.#steps)
    this.#missing = new MissingFacts(loaded.config, this.#engine.ruleSet.tellsHostsApart)
    this.#callers = callers
    this.#close = close
  }

  /** @throws {ConfigError} when the rules do not compile */
  static async open(loaded: LoadedConfig, { callers, timeoutMs, progress }: SideOptions): Promise<Side> {
    const { config } = loaded
    const identity = identityForExplain(config, {
      info() {},
      warn: (_, text) => progress(text),
      error: (_, text) => progress(text),
    })
    const { needs } = identity.authenticator
    const wording = wordingOf(config, identity)
    const recorded = callers === 'records' ? new RecordedCallers(needs, config) : undefined
    const authenticator =
      recorded?.authenticator ??
      (typeof callers === 'object' ? assumingAuthenticator(callers, needs) : identity.authenticator)
    const made = (trace: Steps): Engine =>
      new Engine(loaded, { authenticator, actors: new Actors(), wording, trace, limiters: new NoLimits() })
    const side = new Side(made, loaded, needs, recorded, () => identity.close())
    if (callers === 'credentials') {
      progress(`asking the providers of ${loaded.document.file}`)
      await startProviders(identity, timeoutMs)
    }
    return side
  }

  /** Synchronous whenever nobody has to be asked. */
  tell(record: RecordedRequest): Told | Promise<Told> {
    this.#callers?.use(record)
    this.#steps.reset()
    const question = record.request.method === '' ? 'connect' : 'check'
    const answer = this.#engine.ask(record.request, question)
    return answer instanceof Promise ? answer.then((late) => this.#told(record, late)) : this.#told(record, answer)
  }

  close(): void {
    this.#close()
  }

  #told(record: RecordedRequest, { decision }: Answer): Told {
    return {
      outcome: {
        decision: decision.allow ? 'allow' : 'deny',
        status: decision.status,
        reason: decision.reason,
        rule: decision.rule?.name,
        route: decision.route,
      },
      missing: this.#missing.of(record, this.#steps.all, decision),
    }
  }
}
