import type { ProviderSettings } from '../config/providers/provider.ts'
import type { Scheme, SchemeContext } from './scheme.ts'

/** The providers of agent.yaml whose credentials are no signed JWTs: those are verified all together, see `JwtEngine`. */
export function createSchemes(
  providers: Readonly<Record<string, ProviderSettings>>,
  context: SchemeContext,
): readonly Scheme[] {
  return Object.entries(providers).flatMap(([name, settings]) => schemeOf(name, settings, context) ?? [])
}

function schemeOf(_name: string, settings: ProviderSettings, _context: SchemeContext): Scheme | undefined {
  switch (settings.kind) {
    case 'jwt':
      return undefined
  }
}
