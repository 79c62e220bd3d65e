import { createRequire } from 'node:module'
import proto from '@temporalio/proto'
import { patchProtobufRoot } from '@temporalio/proto/lib/patch-protobuf-root.js'

/** Histories as the JSON that `temporal workflow show --output json` and the UI write and read (ProtoJSON). */

type History = proto.temporal.api.history.v1.IHistory

interface ProtoJson {
  toJson(type: unknown, message: unknown): unknown
  fromJson(type: unknown, json: unknown, options: { ignoreUnknownFields: boolean }): History
}

interface ProtobufRoot {
  lookupType(name: string): unknown
}

// Not historyToJSON and historyFromJSON of @temporalio/common: they hand the types of @temporalio/proto to their own copy
// of protobufjs, which refuses the types of another copy. npm makes such copies as soon as grpc-js, which wants an older
// protobufjs, is in the tree. The copy that made the types is asked here, wherever npm has put it.
const requireFromProto = createRequire(createRequire(import.meta.url).resolve('@temporalio/proto/package.json'))
const protoJson = requireFromProto('protobufjs/ext/protojson') as ProtoJson
const root = patchProtobufRoot(proto) as unknown as ProtobufRoot
const historyType = root.lookupType('temporal.api.history.v1.History')

/** Writes a history, indented. */
export function historyToJson(history: History): string {
  return JSON.stringify(
    protoJson.toJson(historyType, proto.temporal.api.history.v1.History.fromObject(history)),
    null,
    2,
  )
}

/**
 * Reads a history for `Worker.runReplayHistories`. Fields of a newer server are ignored.
 *
 * @throws SyntaxError when the text is not JSON, Error when the JSON is not a history
 */
export function historyFromJson(text: string): History {
  return protoJson.fromJson(historyType, JSON.parse(text), { ignoreUnknownFields: true })
}
