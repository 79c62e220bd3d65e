/**
 * Names that workflow code and the worker share. Constants only: this file is part of the workflow bundle. A name that
 * joins RESERVED_ACTIVITIES changes what old histories of a type of that name replay to: choose names no rule has.
 */

/** Handles the types that have no handler of their own. */
export const DEFAULT_HANDLER = 'recordRequest'

/** Activities that are not request handlers, and `default`, the SDK's name for the activity of unknown names. */
export const RESERVED_ACTIVITIES: readonly string[] = ['storeUsage', 'actor.verify', 'default']

/** `type` of the ApplicationFailure of a handler that would fail the same way again. */
export const NON_RETRYABLE_ERRORS = ['InvalidEvent', 'Forbidden'] as const
