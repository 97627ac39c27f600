/** A client of PostgreSQL's protocol that sends message by message, and can be cut off after any. */
import { connect, type Socket } from "node:net"

const cstring = (text: string): Buffer => Buffer.from(`${text}\0`)
export const int16 = (value: number): Buffer => Buffer.from([(value >> 8) & 255, value & 255])
export const int32 = (value: number): Buffer => Buffer.concat([int16(value >>> 16), int16(value & 0xffff)])

const message = (type: string, ...parts: ReadonlyArray<Buffer>): Buffer => {
  const body = Buffer.concat(parts)
  return Buffer.concat([Buffer.from(type), int32(body.length + 4), body])
}

export const query = (sql: string) => message("Q", cstring(sql))
/** `types` are object ids; 0 leaves a parameter's type open. */
export const parse = (name: string, sql: string, types: ReadonlyArray<number> = []) =>
  message("P", cstring(name), cstring(sql), int16(types.length), ...types.map(int32))
/** Format codes: 0 is text, 1 is binary. */
interface Formats {
  readonly parameters?: ReadonlyArray<number>
  readonly results?: ReadonlyArray<number>
}

const codes = (formats: ReadonlyArray<number> = []): ReadonlyArray<Buffer> => [
  int16(formats.length),
  ...formats.map(int16)
]

export const bind = (
  portal: string,
  statement: string,
  values: ReadonlyArray<string | Buffer | null> = [],
  formats: Formats = {}
) =>
  message(
    "B",
    cstring(portal),
    cstring(statement),
    ...codes(formats.parameters),
    int16(values.length),
    ...values.flatMap((value) =>
      value === null ? [int32(-1)] : [int32(Buffer.byteLength(value)), Buffer.from(value)]
    ),
    ...codes(formats.results)
  )
export const describe = (target: "S" | "P", name: string) => message("D", Buffer.from(target), cstring(name))
export const close = (target: "S" | "P", name: string) => message("C", Buffer.from(target), cstring(name))
export const execute = (portal: string, maxRows = 0) => message("E", cstring(portal), int32(maxRows))
/** Calls a function with values in binary. */
export const functionCall = (oid: number, ...values: ReadonlyArray<Buffer>) =>
  message(
    "F",
    int32(oid),
    int16(1),
    int16(1),
    int16(values.length),
    ...values.flatMap((value) => [int32(value.length), value]),
    int16(1)
  )
/** A message of any type and body. */
export const raw = (type: string, body: string | Buffer) => message(type, Buffer.from(body))

/** A query in octets of any encoding. */
export const queryOctets = (sql: Buffer) => message("Q", sql, Buffer.from([0]))
export const sync = message("S")
export const flush = message("H")
export const copyData = (data: string | Buffer) => message("d", typeof data === "string" ? Buffer.from(data) : data)
export const copyDone = message("c")
export const copyFail = (why: string) => message("f", cstring(why))

/** A message of the server. */
export interface Answer {
  readonly type: string
  readonly body: Buffer
}

/** What the server said up to a message. */
export interface Answers {
  readonly answers: ReadonlyArray<Answer>
  /** The SQLSTATE of the first error. */
  readonly code: string | undefined
  readonly tags: ReadonlyArray<string>
  readonly notices: ReadonlyArray<string>
  /** The values of the rows' first columns. */
  readonly firsts: ReadonlyArray<string>
}

const fieldOf = (body: Buffer, letter: string): string | undefined =>
  body
    .toString()
    .split("\0")
    .find((field) => field.startsWith(letter))
    ?.slice(1)

const bodies = (answers: ReadonlyArray<Answer>, type: string): ReadonlyArray<Buffer> =>
  answers.filter((one) => one.type === type).map(({ body }) => body)

const summed = (answers: ReadonlyArray<Answer>): Answers => ({
  answers,
  code: bodies(answers, "E").map((body) => fieldOf(body, "C"))[0],
  tags: bodies(answers, "C").map((body) => body.toString("utf8", 0, body.length - 1)),
  notices: bodies(answers, "N").map((body) => fieldOf(body, "M") ?? ""),
  firsts: bodies(answers, "D").map((body) => (body.length < 6 ? "" : body.toString("utf8", 6, 6 + body.readInt32BE(2))))
})

export class RawClient {
  readonly #socket: Socket
  readonly #answers: Array<Answer> = []
  #received: Buffer = Buffer.alloc(0)
  #wake: () => void = () => undefined
  #ended = false

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.on("data", (chunk: Buffer) => {
      this.#received = Buffer.concat([this.#received, chunk])
      while (this.#received.length >= 5 && this.#received.length > this.#received.readInt32BE(1)) {
        const end = 1 + this.#received.readInt32BE(1)
        const type = String.fromCharCode(this.#received[0] ?? 0)
        this.#answers.push({ type, body: this.#received.subarray(5, end) })
        this.#received = this.#received.subarray(end)
      }
      this.#wake()
    })
    socket.on("error", () => undefined)
    socket.on("close", () => {
      this.#ended = true
      this.#wake()
    })
  }

  /** Connects to a server that trusts, and waits until it is ready. */
  static async connect(
    port: number,
    database: string,
    user = "u",
    host = "127.0.0.1",
    settings: Readonly<Record<string, string>> = {}
  ): Promise<RawClient> {
    const socket = connect(port, host)
    socket.setNoDelay(true)
    const client = new RawClient(socket)
    const parameters = Buffer.concat([
      int32(3 << 16),
      cstring("user"),
      cstring(user),
      cstring("database"),
      cstring(database),
      ...Object.entries(settings).flatMap(([name, value]) => [cstring(name), cstring(value)]),
      Buffer.from([0])
    ])
    socket.write(Buffer.concat([int32(parameters.length + 4), parameters]))
    const { code } = await client.until("Z")
    if (code !== undefined) throw new Error(`The connection was refused: ${code}`)
    return client
  }

  send(...messages: ReadonlyArray<Buffer>): void {
    this.#socket.write(Buffer.concat(messages))
  }

  /** What has come up to a message of one of these types, or the end of the connection. */
  async until(types: string): Promise<Answers> {
    for (;;) {
      const at = this.#answers.findIndex(({ type }) => types.includes(type))
      if (at !== -1) return summed(this.#answers.splice(0, at + 1))
      if (this.#ended) return summed(this.#answers.splice(0))
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }

  /** Sends messages of which the last is answered by ReadyForQuery. */
  ask(...messages: ReadonlyArray<Buffer>): Promise<Answers> {
    this.send(...messages)
    return this.until("Z")
  }

  /** Cuts the connection, once all that was sent is with the kernel. */
  kill(): Promise<void> {
    if (this.#ended) return Promise.resolve()
    return new Promise((resolve) => {
      this.#socket.once("close", () => resolve())
      this.#socket.write("", () => this.#socket.destroy())
    })
  }
}
