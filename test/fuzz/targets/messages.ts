/** PostgreSQL's messages: those of a client, as the gateway reads them, and its own, as two other programs read them. */
import * as PgProtocol from "@effect/sql-pg/PgProtocol"
import { Result } from "effect"
import { Parser } from "pg-protocol/dist/parser"
import * as Backend from "../../../src/gateway/protocol/BackendMessages.ts"
import {
  decodeMessage,
  decodeStartup,
  type Format,
  type FrontendMessage
} from "../../../src/gateway/protocol/FrontendMessages.ts"
import { firstOf, type Target } from "./Target.ts"

const int16 = (value: number): Buffer => Buffer.of((value >> 8) & 255, value & 255)
const int32 = (value: number): Buffer => Buffer.concat([int16(value >>> 16), int16(value & 0xffff)])
const text = (value: string): Buffer => Buffer.from(`${value}\0`)
const formats = (all: ReadonlyArray<Format>) => [
  int16(all.length),
  ...all.map((one) => int16(Number(one === "binary")))
]
const sized = (value: Uint8Array | null) => (value === null ? [int32(-1)] : [int32(value.length), value])
const letter = (target: "statement" | "portal") => Buffer.from(target === "statement" ? "S" : "P")

/** The octets of a message, by the protocol's description; undefined for one whose octets were not kept. */
const octetsOf = (message: FrontendMessage): ReadonlyArray<Uint8Array> | undefined => {
  switch (message._tag) {
    case "Query":
      return [text(message.sql)]
    case "Parse":
      return [
        text(message.name),
        text(message.sql),
        int16(message.parameterTypes.length),
        ...message.parameterTypes.map(int32)
      ]
    case "Bind":
      return [
        text(message.portal),
        text(message.statement),
        ...formats(message.parameterFormats),
        int16(message.values.length),
        ...message.values.flatMap(sized),
        ...formats(message.resultFormats)
      ]
    case "Describe":
    case "Close":
      return [letter(message.target), text(message.name)]
    case "Execute":
      return [text(message.portal), int32(message.maxRows)]
    case "Password":
    case "CopyData":
      return [message.bytes]
    case "CopyFail":
      return [text(message.message)]
    case "FunctionCall":
    case "Unreadable":
      return undefined
    default:
      return []
  }
}

/** A text that is not UTF-8 is read as another, and a format that is neither is text. */
const isExact = (body: Buffer, message: FrontendMessage): boolean =>
  !JSON.stringify(message).includes("\ufffd") && (message._tag !== "Bind" || hasKnownFormats(body, message))

const hasKnownFormats = (body: Buffer, { parameterFormats, portal, statement }: FrontendMessage & { _tag: "Bind" }) => {
  const at = Buffer.byteLength(portal) + Buffer.byteLength(statement) + 4
  return parameterFormats.every((_, index) => body.readUInt16BE(at + index * 2) < 2)
}

const messageComesBack = (input: Buffer): string | undefined => {
  const body = input.subarray(1)
  const message = decodeMessage(input[0] ?? 0, body)
  if (Result.isFailure(message)) return undefined
  const octets = octetsOf(message.success)
  if (octets === undefined || !isExact(body, message.success)) return undefined
  const written = Buffer.concat(octets)
  if (written.equals(body)) return undefined
  // What follows the values are the formats of results, of which one may be neither as well.
  if (message.success._tag === "Bind" && written.length === body.length) return undefined
  return `${message.success._tag} does not come back`
}

/** What one program and another read of the same octets, which reach them in two pieces. */
const readTwice = (octets: Buffer, cut: number) => {
  const pieces = [octets.subarray(0, cut), octets.subarray(cut)]
  const byPg: Array<object> = []
  const pg = new Parser()
  for (const piece of pieces) pg.parse(Buffer.from(piece), (message: object) => byPg.push(message))
  const byEffect: Array<object> = []
  const effect = PgProtocol.makeParser()
  for (const piece of pieces) effect.pushEach(Buffer.from(piece), (message) => byEffect.push(copied(message)))
  return { byPg, byEffect }
}

/** Rows are views of a buffer that is used again. */
const copied = (message: object): object =>
  "values" in message && Array.isArray(message.values)
    ? {
        ...message,
        values: message.values.map((value: unknown) =>
          value instanceof Uint8Array ? Buffer.from(value).toString("latin1") : value
        )
      }
    : { ...message }

const rowIsRead = (input: Buffer): string | undefined => {
  const values = input
    .toString("utf8")
    .split(",")
    .map((value) => (value === "" ? null : value))
  const row = Buffer.from(Backend.dataRow(values))
  const { byEffect, byPg } = readTwice(row, input.length % (row.length + 1))
  const expected = JSON.stringify(values)
  const [read] = byPg
  if (JSON.stringify(read !== undefined && "fields" in read ? read.fields : read) !== expected)
    return "pg reads another row"
  const [other] = byEffect
  const latin = JSON.stringify(values.map((value) => (value === null ? null : Buffer.from(value).toString("latin1"))))
  return JSON.stringify(other !== undefined && "values" in other ? other.values : other) === latin
    ? undefined
    : `PgProtocol reads another row: ${JSON.stringify(other)}`
}

const errorIsRead = (input: Buffer): string | undefined => {
  const [message = "", detail = "", hint = "", column = ""] = input.toString("utf8").split(",")
  const fields = { severity: "ERROR", code: "22P02", message, detail, hint, column } as const
  const octets = Buffer.from(Backend.errorResponse(fields))
  const [read] = readTwice(octets, input.length % (octets.length + 1)).byPg
  const clean = (value: string) => value.replaceAll("\0", "")
  for (const [name, value] of Object.entries({ code: "22P02", message, detail, hint, column }))
    if (read === undefined || Reflect.get(read, name) !== clean(value)) return `pg reads another ${name} of an error`
  return undefined
}

const columnsAreRead = (input: Buffer): string | undefined => {
  const names = input.toString("utf8").replaceAll("\0", "").split(",")
  const described = names.map((name, index) => ({
    name,
    tableOid: index * 0x01234567,
    columnNumber: index,
    typeOid: 0xffffffff - index,
    typeSize: -1,
    typeModifier: -1 - index
  }))
  const octets = Buffer.from(Backend.rowDescription(described, (column) => (column % 2 === 0 ? "text" : "binary")))
  const { byEffect, byPg } = readTwice(octets, input.length % (octets.length + 1))
  for (const read of [byPg[0], byEffect[0]]) {
    const fields: unknown = read !== undefined && "fields" in read ? read.fields : undefined
    const found = Array.isArray(fields) ? fields.map((field: { readonly name: unknown }) => field.name) : fields
    if (JSON.stringify(found) !== JSON.stringify(names)) return "another program reads other columns"
  }
  return undefined
}

export const messages: Target = {
  name: "messages",
  round: 5000,
  files: /src\/gateway\/protocol\/(?:Frontend|Backend)Messages/,
  seeds: [
    "Qselect 1\0",
    "Ps\0select $1\0\0\u0001\0\0\0\u0017",
    "Bp\0s\0\0\u0001\0\u0001\0\u0001\0\0\0\u0001a\0\u0001\0\u0001",
    "DSs\0",
    "Ep\0\0\0\0\0",
    "CPp\0",
    "S",
    "X",
    "dabc",
    "fno\0",
    "pSCRAM-SHA-256\0\0\0\0\u0003n,,",
    "\0\u0003\0\0user\0ann\0database\0alex\0\0",
    "a,,\u00c3\u00a9,b"
  ],
  words: [
    "\0",
    "\0\0",
    "\u0001",
    "\xff\xff\xff\xff",
    "\x7f\xff\xff\xff",
    "\0\0\0\0",
    "\0\u0001",
    "user\0",
    ",",
    ",,",
    ..."QPBDECSHXpdcfF"
  ],
  run: (input) => {
    decodeStartup(input)
    return firstOf(
      () => messageComesBack(input),
      () => rowIsRead(input),
      () => errorIsRead(input),
      () => columnsAreRead(input)
    )
  }
}
