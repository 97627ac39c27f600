/**
 * What a gateway can't do without: PostgreSQL's messages read as far as pgbench sends them, one request of the Data API
 * for each statement, and the answer as messages. Statements are sent as they come; nothing is described, rewritten,
 * remembered, checked, retried or logged.
 *
 * Usage: node test/bench/gatewayFloor.ts ENDPOINT DATABASE
 */
import { createServer, type Socket } from "node:net"
import { Redacted, Result } from "effect"
import { SocketTransport } from "../../src/data-api/aws/http/SocketTransport.ts"
import { Signer } from "../../src/data-api/aws/Signer.ts"
import { textOfBody } from "../../src/data-api/rest-json/WireFailures.ts"
import { arns, credentials, region } from "./processes.ts"

const [endpoint = "", database = ""] = process.argv.slice(2)
const { host, hostname, port } = new URL(endpoint)
const signer = new Signer(region)
const transport = new SocketTransport()
const keys = { ...credentials, secretAccessKey: Redacted.make(credentials.secretAccessKey) }

interface Answer {
  readonly transactionId?: string
  readonly numberOfRecordsUpdated?: number
  readonly records?: ReadonlyArray<ReadonlyArray<Record<string, unknown>>>
  readonly columnMetadata?: ReadonlyArray<{ readonly label: string }>
}

const call = (path: string, members: object): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const body = JSON.stringify({ ...arns, database, ...members })
    const headers = signer.sign(keys, { host, path, body, now: Date.now() })
    transport.send({ protocol: "http:", hostname, port: Number(port), path, headers, body }, (answer) =>
      Result.isSuccess(answer) ? resolve(JSON.parse(textOfBody(answer.success))) : reject(answer.failure)
    )
  })

const frame = (type: string, body: string): string => {
  const head = Buffer.alloc(4)
  head.writeInt32BE(body.length + 4)
  return type + head.toString("latin1") + body
}

const int = (size: 2 | 4, value: number): string => {
  const bytes = Buffer.alloc(size)
  bytes.writeIntBE(value, 0, size)
  return bytes.toString("latin1")
}

const description = ({ columnMetadata = [] }: Answer): string =>
  frame(
    "T",
    int(2, columnMetadata.length) +
      columnMetadata
        .map(({ label }) => `${label}\0${int(4, 0)}${int(2, 0)}${int(4, 25)}${int(2, -1)}${int(4, -1)}${int(2, 0)}`)
        .join("")
  )

const rows = ({ records = [] }: Answer): string =>
  records
    .map((record) => {
      const values = record.map((field) => {
        const value = String(Object.values(field)[0])
        return "isNull" in field ? int(4, -1) : int(4, value.length) + value
      })
      return frame("D", int(2, values.length) + values.join(""))
    })
    .join("")

/** One client's statements, one after the other. */
class Client {
  readonly #socket: Socket
  readonly #statements = new Map<string, string>()
  #bound = ""
  #transactionId: string | undefined
  #received: Buffer = Buffer.alloc(0)
  #turn = Promise.resolve()
  #started = false
  #out = ""

  constructor(socket: Socket) {
    this.#socket = socket
    socket.on("data", (chunk: Buffer) => {
      this.#received = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk])
      this.#read()
    })
    socket.on("error", () => undefined)
  }

  #read(): void {
    for (;;) {
      const header = this.#started ? 1 : 0
      if (this.#received.length < header + 4) return
      const size = header + this.#received.readInt32BE(header)
      if (this.#received.length < size) return
      const message = this.#received.subarray(0, size)
      this.#received = this.#received.subarray(size)
      if (!this.#started) this.#start(message)
      else this.#turn = this.#turn.then(() => this.#answer(String.fromCharCode(message[0] ?? 0), message.subarray(5)))
    }
  }

  #start(message: Buffer): void {
    if (message.readInt32BE(4) >> 16 !== 3) {
      this.#socket.write("N")
      return
    }
    this.#started = true
    this.#out += frame("R", int(4, 0)) + frame("S", "server_version\x0015\0") + frame("S", "client_encoding\0UTF8\0")
    this.#flush()
  }

  #flush(): void {
    this.#out += frame("Z", this.#transactionId === undefined ? "I" : "T")
    this.#socket.write(this.#out, "latin1")
    this.#out = ""
  }

  async #answer(type: string, body: Buffer): Promise<void> {
    const parts = body.toString("latin1").split("\0")
    if (type === "Q") {
      await this.#run(parts[0] ?? "", true)
      this.#flush()
    } else if (type === "P") {
      this.#statements.set(parts[0] ?? "", parts[1] ?? "")
      this.#out += frame("1", "")
    } else if (type === "B") this.#bind(body)
    else if (type === "E") await this.#run(this.#bound, true)
    else if (type === "S") this.#flush()
  }

  /** Values are numbers. */
  #bind(body: Buffer): void {
    const name = body.indexOf(0) + 1
    let at = body.indexOf(0, name) + 1
    const sql = this.#statements.get(body.toString("latin1", name, at - 1)) ?? ""
    at += 2 + 2 * body.readInt16BE(at)
    const values: Array<string> = []
    const count = body.readInt16BE(at)
    at += 2
    for (let index = 0; index < count; index++) {
      const size = body.readInt32BE(at)
      values.push(body.toString("latin1", at + 4, at + 4 + size))
      at += 4 + size
    }
    this.#bound = sql.replaceAll(/\$(\d+)/g, (_, number) => values[Number(number) - 1] ?? "")
    this.#out += frame("2", "")
  }

  async #run(sql: string, describes: boolean): Promise<void> {
    const transactionId = this.#transactionId
    if (/^begin/i.test(sql)) {
      this.#transactionId = (await call("/BeginTransaction", {})).transactionId
      this.#out += frame("C", "BEGIN\0")
    } else if (/^end/i.test(sql)) {
      await call("/CommitTransaction", { transactionId })
      this.#transactionId = undefined
      this.#out += frame("C", "COMMIT\0")
    } else {
      const answer = await call("/Execute", { sql, transactionId, includeResultMetadata: true })
      const [command = ""] = /^\w+/.exec(sql) ?? []
      if (describes && answer.records !== undefined) this.#out += description(answer)
      this.#out += rows(answer)
      const count = answer.records?.length ?? answer.numberOfRecordsUpdated ?? 0
      this.#out += frame("C", `${command.toUpperCase() === "INSERT" ? "INSERT 0" : command.toUpperCase()} ${count}\0`)
    }
  }
}

const server = createServer({ noDelay: true }, (socket) => new Client(socket))
server.listen(0, "127.0.0.1", () => {
  const address = server.address()
  const listening = typeof address === "object" && address !== null ? address.port : 0
  process.stdout.write(`postgres://alex@127.0.0.1:${listening}/${database}\n`)
})
