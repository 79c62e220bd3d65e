import { DefaultFailureConverter } from '@temporalio/common'

/**
 * Puts messages and stack traces of errors into a payload, so that they are encrypted with the others; Temporal shows
 * "Encoded failure" in their place. The SDK looks for the name in the file that `failureConverterPath` names.
 */
export const failureConverter = new DefaultFailureConverter({ encodeCommonAttributes: true })
