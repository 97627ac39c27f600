/** A Data API that answers from memory, in a process of its own: what remains of a call's cost is its client's. */
import { createServer } from "node:http"

const column = (tableName: string) => (named: readonly [string, string, number]) => ({
  arrayBaseColumnType: 0,
  isAutoIncrement: false,
  isCaseSensitive: true,
  isCurrency: false,
  isSigned: false,
  label: named[0],
  name: named[0],
  nullable: 1,
  precision: 10,
  scale: 0,
  schemaName: "",
  tableName,
  type: named[2],
  typeName: named[1]
})

interface Table {
  readonly columns: ReadonlyArray<ReturnType<ReturnType<typeof column>>>
  readonly row: (n: number) => ReadonlyArray<object>
}

const uuid = (n: number) => `a0eebc99-9c0b-4ef8-bb6d-${String(n).padStart(12, "0")}`
const text = (stringValue: string) => ({ stringValue })
const time = text("2026-01-02 03:04:05.678901")

/** Ten columns of mixed types; `int8` comes as a number unless text was asked for, as with the service. */
const things = (longs: "STRING" | "LONG"): Table => ({
  columns: (
    [
      ["id", "uuid", 1111],
      ["symbol", "varchar", 12],
      ["name", "varchar", 12],
      ["price", "numeric", 2],
      ["quantity", "numeric", 2],
      ["version", "int8", -5],
      ["rank", "int4", 4],
      ["active", "bool", -7],
      ["details", "jsonb", 1111],
      ["created_at", "timestamptz", 93]
    ] as const
  ).map(column("things")),
  row: (n) => [
    text(uuid(n)),
    text(`SYM${n}`),
    text(`Fund number ${n} of the world`),
    text(`${n}.1250`),
    text(`${n}.12340000`),
    longs === "STRING" ? text(String(1_700_000_000_000 + n)) : { longValue: 1_700_000_000_000 + n },
    { longValue: n },
    { booleanValue: n % 2 === 0 },
    text(`{"rating": ${n % 5}, "tags": ["core", "low cost"]}`),
    time
  ]
})

const stored = (
  [
    ["id", "uuid", 1111],
    ["account_id", "uuid", 1111],
    ["symbol", "varchar", 12],
    ["quantity", "numeric", 2],
    ["as_of_date", "date", 91],
    ["created_at", "timestamptz", 93],
    ["updated_at", "timestamptz", 93]
  ] as const
).map(column("positions"))

const position = (n: number) => [
  text(uuid(n)),
  text(uuid(0)),
  text(`S${String(n).padStart(4, "0")}`),
  text(`${n + 1}.12340000`),
  text("2026-01-02"),
  time,
  time
]

const positions: Table = { columns: stored, row: position }

const held: Table = {
  columns: [
    ...stored,
    ...(
      [
        ["name", "varchar", 12],
        ["instrument_type", "varchar", 12],
        ["current_price", "numeric", 2],
        ["allocation_regions", "jsonb", 1111],
        ["allocation_sectors", "jsonb", 1111],
        ["allocation_asset_class", "jsonb", 1111]
      ] as const
    ).map(column("instruments"))
  ],
  row: (n) => [
    ...position(n),
    text(`Fund number ${n}`),
    text("etf"),
    text("215.3000"),
    text('{"north_america": 60, "europe": 40}'),
    text('{"technology": 30, "healthcare": 70}'),
    text('{"equity": 100}')
  ]
}

const users: Table = {
  columns: (
    [
      ["clerk_user_id", "varchar", 12],
      ["display_name", "varchar", 12],
      ["years_until_retirement", "int4", 4],
      ["target_retirement_income", "numeric", 2],
      ["asset_class_targets", "jsonb", 1111],
      ["region_targets", "jsonb", 1111],
      ["created_at", "timestamptz", 93],
      ["updated_at", "timestamptz", 93]
    ] as const
  ).map(column("users")),
  row: (n) => [
    text(`user_${n}`),
    text("Ann"),
    { longValue: 20 },
    text("60000.00"),
    text('{"equity": 70, "fixed_income": 30}'),
    text('{"north_america": 50, "international": 50}'),
    time,
    time
  ]
}

const answer = (columnMetadata: Table["columns"], records: ReadonlyArray<unknown>): string =>
  JSON.stringify({ columnMetadata, numberOfRecordsUpdated: 0, records })

const rows = ({ columns, row }: Table, from: number, to: number): string =>
  answer(
    columns,
    Array.from({ length: to - from }, (_, n) => row(from + n))
  )

const one = { STRING: rows(things("STRING"), 0, 1), LONG: rows(things("LONG"), 0, 1) }
const thousand = { STRING: rows(things("STRING"), 0, 1000), LONG: rows(things("LONG"), 0, 1000) }
/** TypeORM asks for `"things"."id" AS "things_id"`, and reads nothing that is called otherwise. */
const aliased = (table: Table, prefix: string): Table => ({
  ...table,
  columns: table.columns.map((column) => ({ ...column, label: `${prefix}_${column.label}` }))
})
const oneAliased = rows(aliased(things("LONG"), "things"), 0, 1)
const thousandAliased = rows(aliased(things("LONG"), "thousand"), 0, 1000)
const oneUser = rows(users, 1, 2)
const onePosition = rows(positions, 0, 1)
const allHeld = rows(held, 0, 1000)
/** The pages that the repository asks for, by the symbol that they follow. */
const heldPages: ReadonlyArray<readonly [after: string, page: string]> = [
  ['"S0799"', rows(held, 800, 1000)],
  ['"S0399"', rows(held, 400, 800)],
  ["", rows(held, 0, 400)]
]
const written = JSON.stringify({ generatedFields: [], numberOfRecordsUpdated: 1 })
const counted = answer([column("")(["count", "int4", 4])], [[{ longValue: 500 }]])
const batch = JSON.stringify({ updateResults: Array.from({ length: 500 }, () => ({ generatedFields: [] })) })

const answerTo = (url: string, body: string): string => {
  if (url === "/BeginTransaction") return '{"transactionId":"AQ1a0rmK5x=="}'
  if (url === "/CommitTransaction") return '{"transactionStatus":"Transaction Committed"}'
  if (url === "/BatchExecute") return batch
  if (body.includes("with written")) return counted
  if (body.includes("instruments.current_price")) {
    return heldPages.find(([after]) => body.includes(after))?.[1] ?? ""
  }
  if (body.includes("FROM users")) return oneUser
  if (body.includes("all_held")) return allHeld
  if (body.includes("positions")) return onePosition
  if (/\b(?:insert into|update) /i.test(body)) return written
  if (body.includes("things_id")) return oneAliased
  if (body.includes("thousand_id")) return thousandAliased
  const longs = body.includes('"longReturnType":"STRING"') ? "STRING" : "LONG"
  return (body.includes("thousand") ? thousand : one)[longs]
}

const server = createServer((request, response) => {
  const chunks: Array<Buffer> = []
  request.on("data", (chunk: Buffer) => chunks.push(chunk))
  request.on("end", () => {
    const body = Buffer.from(answerTo(request.url ?? "", Buffer.concat(chunks).toString("latin1")))
    response.writeHead(200, {
      "content-type": "application/json",
      "content-length": body.length,
      "x-amzn-requestid": "1b206dd1-f9a8-11e5-becf-051c60f11c4a"
    })
    response.end(body)
  })
})

// A connection that waits for its contender's next turn stays open.
server.keepAliveTimeout = 0

server.listen(0, "127.0.0.1", () => {
  const address = server.address()
  process.stdout.write(`http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}\n`)
})
