export { decodeFrame, decodeMessages, inspectFrame } from './decode.ts'
export type { Inspection } from './decode.ts'
export { encodeFrame, encodeMessages } from './encode.ts'
export { decodeStream } from './stream.ts'
export type {
  Action,
  Frame,
  FrameBody,
  FrameFlags,
  FrameInput,
  Message,
  NamedValue,
  TypedValue,
  ValueType,
  VariableScope,
} from './model.ts'
export { FrameSplitter } from '../splitter.ts'
export type { FrameSink } from '../splitter.ts'
export {
  DEFAULT_MAX_FRAME_SIZE,
  FLAG_ABORT,
  FLAG_FIN,
  FrameType,
  MIN_FRAME_LENGTH,
  MIN_MAX_FRAME_SIZE,
} from './frame.ts'
export { SPOP_VERSION } from './hello.ts'
export { STATUS_MESSAGES, statusMessage } from './status.ts'
export { Type } from './values.ts'
export { MAX_VARIABLE_NAME, SCOPES } from './variable.ts'
export { MAX_VARINT_BYTES, decodeVarint, encodeVarint } from './varint.ts'
export { ERRORS, SpopError } from '../errors.ts'
export type { SpopErrorCode } from '../errors.ts'
