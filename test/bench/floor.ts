/**
 * What a call can't do without: its signature, a request and an answer on a kept connection, and JSON's own parser. The
 * requests are what the driver sends, written beforehand; nothing is typed, checked, traced, retried or decoded. The rows of
 * the bulk insert are written, and the decoded rows made, for each call by code that knows this one statement.
 */
import { BigDecimal, Redacted, Result } from "effect"
import { SocketTransport } from "../../src/data-api/aws/http/SocketTransport.ts"
import { Signer } from "../../src/data-api/aws/Signer.ts"
import { textOfBody } from "../../src/data-api/rest-json/WireFailures.ts"
import { parseJson } from "../../src/data-api/values/SoundJson.ts"
import { bulkRows, id, type Work } from "./contenders.ts"
import { type Load, loadOf } from "./measure.ts"
import { arns, credentials, region } from "./processes.ts"

/** A field of the answer, taken for what it is known to be. */
const textOf = (field: { readonly stringValue?: string } | undefined): string => field?.stringValue ?? ""

const decimalOf = (text: string): BigDecimal.BigDecimal => {
  const point = text.indexOf(".")
  return BigDecimal.make(BigInt(text.slice(0, point) + text.slice(point + 1)), text.length - point - 1)
}

const timeOf = (text: string): Date => new Date(`${text.slice(0, 10)}T${text.slice(11, 23)}Z`)

interface HeldAnswer {
  readonly records: ReadonlyArray<ReadonlyArray<{ readonly stringValue?: string }>>
}

/** What `Positions.listByAccount` gives, without a look at anything. */
const heldOf = ({ records }: HeldAnswer) =>
  records.map((fields) => ({
    id: textOf(fields[0]),
    account_id: textOf(fields[1]),
    symbol: textOf(fields[2]),
    quantity: decimalOf(textOf(fields[3])),
    as_of_date: textOf(fields[4]),
    created_at: timeOf(textOf(fields[5])),
    updated_at: timeOf(textOf(fields[6])),
    name: textOf(fields[7]),
    instrument_type: textOf(fields[8]),
    current_price: decimalOf(textOf(fields[9])),
    allocation_regions: parseJson(textOf(fields[10])),
    allocation_sectors: parseJson(textOf(fields[11])),
    allocation_asset_class: parseJson(textOf(fields[12]))
  }))

/** The rows of the bulk insert in JSON that PostgreSQL reads. */
const rowsText = (): string =>
  JSON.stringify(
    bulkRows.map(({ created_at, quantity, symbol, version }) => ({
      symbol,
      quantity,
      version: String(version),
      created_at: created_at.toISOString()
    }))
  )

/** Signs and sends a request, and parses the answer. */
export type BareCall = <A>(path: string, body: string) => Promise<A>

export const bareCall = (endpoint: string): BareCall => {
  const { host, hostname, port } = new URL(endpoint)
  const signer = new Signer(region)
  const transport = new SocketTransport()
  const keys = { ...credentials, secretAccessKey: Redacted.make(credentials.secretAccessKey) }
  return (path, body) =>
    new Promise((resolve, reject) => {
      const headers = signer.sign(keys, { host, path, body, now: Date.now() })
      transport.send({ protocol: "http:", hostname, port: Number(port), path, headers, body }, (answer) =>
        Result.isSuccess(answer) ? resolve(JSON.parse(textOfBody(answer.success))) : reject(answer.failure)
      )
    })
}

/** What the driver sends with every statement. */
export const common = {
  ...arns,
  database: "alex",
  includeResultMetadata: true,
  resultSetOptions: { longReturnType: "STRING" }
}

export const floor = (endpoint: string): Work & Readonly<Record<"positions", Load>> => {
  const call = bareCall(endpoint)
  const statement = (sql: string, more: object = {}) => JSON.stringify({ ...common, sql, ...more })
  const text = (name: string, stringValue: string) => ({ name, value: { stringValue } })
  const point = statement("select * from things where id = :p1::uuid", { parameters: [text("p1", id)] })
  const eight = Array.from({ length: 8 }, (_, n) => text(`p${n}`, "215.3000"))
  const insert = statement("insert into things values (:p0, :p1, :p2, :p3, :p4, :p5, :p6, :p7)", { parameters: eight })
  const bulk = (rows: string) =>
    statement("insert into things select * from json_populate_recordset(null::things, :p1::json)", {
      parameters: [text("p1", rows)]
    })
  const held = statement("select * from all_held where account_id = :p1::uuid", { parameters: [text("p1", id)] })
  const transaction = async () => {
    await call("/BeginTransaction", JSON.stringify(arns))
    for (const _ of [1, 2, 3]) await call("/Execute", point)
    await call("/CommitTransaction", JSON.stringify({ ...arns, transactionId: "AQ1a0rmK5x==" }))
  }
  return {
    "point select": loadOf(() => call("/Execute", point)),
    "1,000 rows": loadOf(() => call("/Execute", statement("select * from thousand"))),
    "insert of 8": loadOf(() => call("/Execute", insert)),
    "bulk insert of 500": loadOf(() => call("/Execute", bulk(rowsText()))),
    "transaction of 3": loadOf(transaction),
    positions: loadOf(async () => heldOf(await call<HeldAnswer>("/Execute", held)))
  }
}
