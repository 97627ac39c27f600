/**
 * What no server could do without: HTTP as bytes, `JSON.parse`, and the messages that a call and the reset behind it take
 * on PostgreSQL. Nothing is checked, refused, timed or logged, and nothing but the bench's three statements is known.
 *
 * Usage: node test/bench/serverFloor.ts postgres://user@host:port/database CONNECTIONS; the server must trust the user.
 */
import { connect, createServer, type Socket } from "node:net"
import * as PgProtocol from "@effect/sql-pg/PgProtocol"
import { Result } from "effect"
import { checkSql, resetSql } from "../../src/local/postgres/SessionReset.ts"

const [address = "", connections = "32"] = process.argv.slice(2)
const url = new URL(address)

const execute = PgProtocol.encodeExecute({ portal: "", maxRows: 0 })
const sync = PgProtocol.encodeSync()
const encodeBind = PgProtocol.makeBindEncoder<Uint8Array>((sink, value) => {
  sink.raw(value)
  return Result.succeed(undefined)
})
const framed = (frame: Result.Result<Uint8Array, PgProtocol.EncodeError>) => Result.getOrThrow(frame)
const bind = (statement: string, parameters: ReadonlyArray<Uint8Array>) =>
  framed(encodeBind({ portal: "", statement, parameters }))
const parse = (name: string, query: string, parameterTypes: ReadonlyArray<number>) =>
  framed(PgProtocol.encodeParse({ name, query, parameterTypes }))

const query = (sql: string): Uint8Array => {
  const text = Buffer.from(`Q....${sql}\0`)
  text.writeInt32BE(text.length - 1, 1)
  return text
}

const [int8, text, float8] = [20, 25, 701]
const dataRow = 0x44
const readyForQuery = 0x5a

const statements = [
  { name: "one", sql: "SELECT id, name, amount FROM bench WHERE id = $1", types: [int8] },
  { name: "many", sql: "SELECT id, name, amount FROM bench WHERE id > $1 ORDER BY id LIMIT 100", types: [int8] },
  { name: "insert", sql: "INSERT INTO written (name, amount) VALUES ($1, CAST($2 AS numeric))", types: [text, text] }
] as const

interface Call {
  readonly sql: string
  readonly parameters: ReadonlyArray<{ readonly value: { readonly longValue?: number; readonly stringValue?: string } }>
}

/** Which of the statements a call has. */
const nameOf = ({ sql }: Call) => (sql.startsWith("INSERT") ? "insert" : sql.endsWith("LIMIT 100") ? "many" : "one")

const octetsOf = ({ value: { longValue, stringValue = "" } }: Call["parameters"][number]): Uint8Array => {
  if (longValue === undefined) return Buffer.from(stringValue)
  const octets = Buffer.alloc(8)
  octets.writeBigInt64BE(BigInt(longValue))
  return octets
}

/** One connection, that runs one call at a time. */
class Backend {
  readonly #socket: Socket
  #left = 0
  #rows: Array<string> = []
  #done: (rows: ReadonlyArray<string>) => void = () => {}
  #rest: Buffer = Buffer.alloc(0)
  #reset: Uint8Array = Buffer.alloc(0)

  constructor() {
    this.#socket = connect(Number(url.port || 5432), url.hostname)
    this.#socket.setNoDelay(true)
    this.#socket.on("data", (octets: Buffer) => this.#receive(octets))
  }

  #receive(octets: Buffer): void {
    const all = this.#rest.length === 0 ? octets : Buffer.concat([this.#rest, octets])
    let at = 0
    while (all.length - at >= 5 && all.length - at > all.readInt32BE(at + 1)) {
      if (all[at] === dataRow && this.#left === 3) this.#rows.push(fields(all, at))
      if (all[at] === readyForQuery) this.#left--
      at += 1 + all.readInt32BE(at + 1)
    }
    this.#rest = all.subarray(at)
    if (this.#left === 0) this.#done(this.#rows)
  }

  #ask(octets: Uint8Array, answers: number): Promise<ReadonlyArray<string>> {
    return new Promise((resolve) => {
      this.#left = answers
      this.#rows = []
      this.#done = resolve
      this.#socket.write(octets)
    })
  }

  async open(): Promise<void> {
    const [user, database] = [url.username, url.pathname.slice(1)]
    await this.#ask(PgProtocol.encodeStartupMessage({ user, database }), 1)
    const facts = { majorVersion: 15, isSuperuser: true }
    const parsed = statements.map(({ name, sql, types }) => parse(name, sql, types))
    await this.#ask(Buffer.concat([...parsed, parse("check", checkSql(facts), [float8]), sync]), 1)
    const seed = Buffer.alloc(8)
    seed.writeDoubleBE(Math.random())
    this.#reset = Buffer.concat([bind("check", [seed]), execute, sync, query(resetSql(facts))])
  }

  call(call: Call): Promise<ReadonlyArray<string>> {
    const bound = bind(nameOf(call), call.parameters.map(octetsOf))
    return this.#ask(Buffer.concat([bound, execute, sync, this.#reset]), 3)
  }
}

/** A numeric of at least 1. */
const numeric = (octets: Buffer, at: number): string => {
  const [count, weight, scale] = [octets.readInt16BE(at), octets.readInt16BE(at + 2), octets.readInt16BE(at + 6)]
  let whole = ""
  let fraction = ""
  for (let index = 0; index <= weight || fraction.length < scale; index++) {
    const digits = String(index < count ? octets.readInt16BE(at + 8 + 2 * index) : 0)
    if (index > weight) fraction += digits.padStart(4, "0")
    else whole += index === 0 ? digits : digits.padStart(4, "0")
  }
  return `${whole}.${fraction.slice(0, scale)}`
}

/** An int8, a text and a numeric. */
const fields = (octets: Buffer, at: number): string => {
  const end = at + 23 + octets.readInt32BE(at + 19)
  const name = octets.toString("latin1", at + 23, end)
  const id = octets.readBigInt64BE(at + 11)
  return `[{"longValue":${id}},{"stringValue":"${name}"},{"stringValue":"${numeric(octets, end + 4)}"}]`
}

const backends = Array.from({ length: Number(connections) }, () => new Backend())
await Promise.all(backends.map((backend) => backend.open()))

const answer = async (socket: Socket, request: string): Promise<void> => {
  const call: Call = JSON.parse(request.slice(request.indexOf("\r\n\r\n") + 4))
  const backend = backends.pop()
  if (backend === undefined) return
  const rows = await backend.call(call)
  backends.push(backend)
  const body =
    rows.length === 0
      ? '{"generatedFields":[],"numberOfRecordsUpdated":1}'
      : `{"numberOfRecordsUpdated":0,"records":[${rows.join(",")}]}`
  const id = crypto.randomUUID()
  socket.write(
    `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\nx-amzn-RequestId: ${id}\r\n\r\n${body}`
  )
}

const server = createServer({ noDelay: true }, (socket) => {
  socket.on("data", (octets: Buffer) => void answer(socket, octets.toString()))
  socket.on("error", () => socket.destroy())
})
server.listen(0, "127.0.0.1", () => {
  const bound = server.address()
  process.stdout.write(
    `AWS_ENDPOINT_URL_RDS_DATA=http://127.0.0.1:${typeof bound === "object" && bound !== null ? bound.port : 0}\n`
  )
})
