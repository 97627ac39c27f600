/** Decodes the messages of a client: protocol 3.0 and 3.2. Pure. */
import * as Result from "effect/Result"
import { type Encoding, type TextFault, utf8 } from "../values/Encodings.ts"

/** A value's format: PostgreSQL's text, or the type's binary form. */
export type Format = "text" | "binary"

/** Why a message can't be read. */
export type MessageFault = TextFault | { readonly code: "08P01"; readonly message: string }

export type FrontendMessage =
  | { readonly _tag: "Query"; readonly sql: string }
  | {
      readonly _tag: "Parse"
      readonly name: string
      readonly sql: string
      /** Object ids; 0 leaves the type to PostgreSQL. */
      readonly parameterTypes: ReadonlyArray<number>
    }
  | {
      readonly _tag: "Bind"
      readonly portal: string
      readonly statement: string
      readonly parameterFormats: ReadonlyArray<Format>
      readonly values: ReadonlyArray<Uint8Array | null>
      readonly resultFormats: ReadonlyArray<Format>
      readonly unsupportedFormat: number | undefined
    }
  | { readonly _tag: "Describe" | "Close"; readonly target: "statement" | "portal"; readonly name: string }
  | { readonly _tag: "Execute"; readonly portal: string /** 0 for all. */; readonly maxRows: number }
  | { readonly _tag: "Sync" }
  | { readonly _tag: "Flush" }
  | { readonly _tag: "Terminate" }
  | { readonly _tag: "Password"; readonly bytes: Uint8Array }
  | { readonly _tag: "CopyData"; readonly bytes: Uint8Array }
  | { readonly _tag: "CopyDone" }
  | { readonly _tag: "CopyFail"; readonly message: string }
  | {
      readonly _tag: "FunctionCall"
      /** Its object id. */
      readonly function: number
      readonly formats: ReadonlyArray<Format>
      readonly values: ReadonlyArray<Uint8Array | null>
      readonly resultFormat: Format
      readonly unsupportedFormat: number | undefined
    }
  /** Its fields do not fill it, or a text in it is not of the client's encoding. */
  | { readonly _tag: "Unreadable"; readonly of: string; readonly fault: MessageFault }

/** Reads the fields of one message; a read past its end sets `malformed`. */
class Cursor {
  readonly #bytes: Buffer
  readonly #decode: Encoding["decode"]
  #at = 0
  /** Why the message can't be read, first of all. */
  fault: MessageFault | undefined
  /** The first format code that PostgreSQL does not define. */
  unsupportedFormat: number | undefined

  constructor(bytes: Uint8Array, decode: Encoding["decode"]) {
    this.#decode = decode
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  /** Fails with PostgreSQL's words. */
  refuse(message: string): void {
    this.fault ??= { code: "08P01", message }
  }

  #take(size: number): number {
    if (size < 0 || this.#at + size > this.#bytes.length) {
      this.refuse("insufficient data left in message")
      return -1
    }
    const at = this.#at
    this.#at += size
    return at
  }

  get done(): boolean {
    return this.#at === this.#bytes.length
  }

  byte(): number {
    if (this.done) this.refuse("no data left in message")
    const at = this.#take(1)
    return at === -1 ? 0 : (this.#bytes[at] ?? 0)
  }

  int16(): number {
    const at = this.#take(2)
    return at === -1 ? 0 : this.#bytes.readUInt16BE(at)
  }

  int32(): number {
    const at = this.#take(4)
    return at === -1 ? 0 : this.#bytes.readInt32BE(at)
  }

  bytes(size: number): Uint8Array {
    const at = this.#take(size)
    return at === -1 ? new Uint8Array(0) : this.#bytes.subarray(at, at + size)
  }

  text(): string {
    const end = this.#bytes.indexOf(0, this.#at)
    if (end === -1) {
      this.refuse("invalid string in message")
      return ""
    }
    const at = this.#take(end - this.#at + 1)
    const text = this.#decode(this.#bytes.subarray(at, end))
    if (Result.isSuccess(text)) return text.success
    this.fault ??= text.failure
    return this.#bytes.toString("utf8", at, end)
  }

  list<A>(count: number, read: () => A): ReadonlyArray<A> {
    const list: Array<A> = []
    for (let index = 0; index < count && this.fault === undefined; index++) list.push(read())
    return list
  }

  format(): Format {
    const code = this.int16()
    if (code > 1) this.unsupportedFormat ??= (code << 16) >> 16
    return code === 1 ? "binary" : "text"
  }

  value(): Uint8Array | null {
    const size = this.int32()
    return size === -1 ? null : this.bytes(size)
  }
}

const target = (cursor: Cursor, command: string): "statement" | "portal" => {
  const byte = cursor.byte()
  if (byte !== 0x53 && byte !== 0x50) cursor.refuse(`invalid ${command} message subtype ${byte}`)
  return byte === 0x53 ? "statement" : "portal"
}

const read = (type: string, cursor: Cursor, body: Uint8Array): FrontendMessage | undefined => {
  switch (type) {
    case "Q":
      return { _tag: "Query", sql: cursor.text() }
    case "P": {
      const [name, sql] = [cursor.text(), cursor.text()]
      return { _tag: "Parse", name, sql, parameterTypes: cursor.list(cursor.int16(), () => cursor.int32() >>> 0) }
    }
    case "B": {
      const [portal, statement] = [cursor.text(), cursor.text()]
      const parameterFormats = cursor.list(cursor.int16(), () => cursor.format())
      const values = cursor.list(cursor.int16(), () => cursor.value())
      const resultFormats = cursor.list(cursor.int16(), () => cursor.format())
      const { unsupportedFormat } = cursor
      return { _tag: "Bind", portal, statement, parameterFormats, values, resultFormats, unsupportedFormat }
    }
    case "D":
      return { _tag: "Describe", target: target(cursor, "DESCRIBE"), name: cursor.text() }
    case "C":
      return { _tag: "Close", target: target(cursor, "CLOSE"), name: cursor.text() }
    case "E":
      return { _tag: "Execute", portal: cursor.text(), maxRows: cursor.int32() }
    case "S":
      return { _tag: "Sync" }
    case "H":
      return { _tag: "Flush" }
    case "X":
      return { _tag: "Terminate" }
    case "p":
      return { _tag: "Password", bytes: cursor.bytes(body.length) }
    case "d":
      return { _tag: "CopyData", bytes: cursor.bytes(body.length) }
    case "c":
      return { _tag: "CopyDone" }
    case "f":
      return { _tag: "CopyFail", message: cursor.text() }
    case "F": {
      const oid = cursor.int32() >>> 0
      const formats = cursor.list(cursor.int16(), () => cursor.format())
      const values = cursor.list(cursor.int16(), () => cursor.value())
      const resultFormat = cursor.format()
      const { unsupportedFormat } = cursor
      return { _tag: "FunctionCall", function: oid, formats, values, resultFormat, unsupportedFormat }
    }
    default:
      return undefined
  }
}

/** Decodes a message; fails with PostgreSQL's words if there is none of the type. */
export const decodeMessage = (
  type: number,
  body: Uint8Array,
  encoding = utf8
): Result.Result<FrontendMessage, string> => {
  const cursor = new Cursor(body, encoding.decode)
  const message = read(String.fromCharCode(type), cursor, body)
  if (message === undefined) return Result.fail(`invalid frontend message type ${type}`)
  if (!cursor.done) cursor.refuse("invalid message format")
  const { fault } = cursor
  return Result.succeed(fault === undefined ? message : { _tag: "Unreadable", of: message._tag, fault })
}

/** The first packets of a connection, which have no message type. */
export type StartupPacket =
  | { readonly _tag: "SslRequest" }
  | { readonly _tag: "GssRequest" }
  | { readonly _tag: "CancelRequest"; readonly processId: number; readonly secret: Uint8Array }
  | {
      readonly _tag: "Startup"
      readonly major: number
      readonly minor: number
      readonly parameters: ReadonlyMap<string, string>
    }

const SSL_REQUEST = 80877103
const GSS_REQUEST = 80877104
const CANCEL_REQUEST = 80877102

/** Decodes a startup packet, without its length. */
export const decodeStartup = (body: Uint8Array): Result.Result<StartupPacket, string> => {
  // Names of users and databases have no encoding yet.
  const cursor = new Cursor(body, (octets) => Result.succeed(Buffer.from(octets).toString()))
  const code = cursor.int32()
  if (code === SSL_REQUEST) return Result.succeed({ _tag: "SslRequest" })
  if (code === GSS_REQUEST) return Result.succeed({ _tag: "GssRequest" })
  if (code === CANCEL_REQUEST) {
    const processId = cursor.int32()
    const secret = cursor.bytes(Math.max(0, body.length - 8))
    return cursor.fault !== undefined
      ? Result.fail("invalid length of cancel request")
      : Result.succeed({ _tag: "CancelRequest", processId, secret })
  }
  const parameters = new Map<string, string>()
  const [major, minor] = [code >>> 16, code & 0xffff]
  // Another major version may have other fields.
  if (major !== 3) return Result.succeed({ _tag: "Startup", major, minor, parameters })
  for (;;) {
    const name = cursor.text()
    if (name === "" || cursor.fault !== undefined) break
    parameters.set(name, cursor.text())
  }
  return cursor.fault !== undefined || !cursor.done
    ? Result.fail("invalid startup packet layout: expected terminator as last byte")
    : Result.succeed({ _tag: "Startup", major, minor, parameters })
}
