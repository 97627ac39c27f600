/** Statements whose columns have changed since they were described, by the gateway's client or by others. */
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { describe } from "vitest"
import * as TestDatabase from "../../TestDatabase.ts"
import * as Raw from "../RawClient.ts"
import { layer as gateway, TestGateway } from "../TestGateway.ts"

const serverUrl = TestDatabase.postgresUrl ?? ""

/** The two connections of one database: straight to the server, and through the gateway. */
const connected = Effect.gen(function* () {
  const { directUrl, port } = yield* TestGateway
  const url = new URL(directUrl)
  const database = url.pathname.slice(1)
  const connect = (to: number) =>
    Effect.acquireRelease(
      Effect.promise(() => Raw.RawClient.connect(to, database, "postgres", url.hostname)),
      (client) => Effect.promise(() => client.kill())
    )
  return { direct: yield* connect(Number(url.port || 5432)), through: yield* connect(port) }
})

/** Executes a prepared statement with a value. */
const executed = (client: Raw.RawClient, name: string, value: string) =>
  client.ask(Raw.bind("", name, [value]), Raw.execute(""), Raw.sync)

/** The letters of the answers, and what an error says but for where it is in PostgreSQL's sources. */
const shown = ({ answers }: Raw.Answers) =>
  answers.map(({ body, type }) =>
    type === "E"
      ? body
          .toString()
          .split("\0")
          .filter((field) => /^(?:[CM]|RRevalidate)/.test(field))
          .join(" ")
      : type
  )

const rows = "select count(*) from changing"
const refused = ["C0A000 Mcached plan must not change result type RRevalidateCachedQuery", "Z"]

describe.skipIf(TestDatabase.postgresUrl === undefined)(TestDatabase.onPostgres("changed columns"), () => {
  layer(gateway(serverUrl, { password: "trust" }), { timeout: "60 seconds" })((it) => {
    const statements = [
      "select * from changing where a = $1",
      "insert into changing values ($1) returning *",
      "update changing set a = a where a = $1 returning *",
      "with w as (insert into changing values ($1) returning *) select * from w"
    ]

    for (const [who, change] of [
      ["its own client adds a column", "alter table changing add column b int default 7"],
      ["its own client changes a type", "alter table changing alter column a type bigint"],
      ["its own client renames a column", "alter table changing rename column a to a2"]
    ] as const) {
      it.effect(`a prepared statement is refused as PostgreSQL refuses it, after ${who}`, () =>
        Effect.gen(function* () {
          const clients = yield* connected
          const all: Array<ReadonlyArray<unknown>> = []
          for (const client of [clients.direct, clients.through]) {
            yield* Effect.promise(() =>
              client.ask(Raw.query("drop table if exists changing; create table changing(a int)"))
            )
            for (const [at, sql] of statements.entries()) {
              yield* Effect.promise(() => client.ask(Raw.parse(`s${at}`, sql), Raw.sync))
              yield* Effect.promise(() => executed(client, `s${at}`, "1"))
            }
            yield* Effect.promise(() => client.ask(Raw.query(change)))
            const seen: Array<unknown> = []
            for (const at of statements.keys()) {
              if (at === 2 && change.includes("rename")) continue
              seen.push(shown(yield* Effect.promise(() => executed(client, `s${at}`, "1"))))
            }
            seen.push((yield* Effect.promise(() => client.ask(Raw.query(rows)))).firsts)
            all.push(seen)
          }
          assert.deepStrictEqual(all[1], all[0])
        }).pipe(Effect.scoped)
      )
    }

    it.effect("a prepared statement that writes has not run when another client has added a column", () =>
      Effect.gen(function* () {
        const { direct, through } = yield* connected
        const ask = (client: Raw.RawClient, sql: string) => Effect.promise(() => client.ask(Raw.query(sql)))
        for (const sql of statements.slice(1)) {
          yield* ask(direct, "drop table if exists changing; create table changing(a int)")
          yield* Effect.promise(() => through.ask(Raw.close("S", "s"), Raw.parse("s", sql), Raw.sync))
          yield* Effect.promise(() => executed(through, "s", "1"))
          yield* ask(direct, "insert into changing values (1); alter table changing add column b int")
          const before = (yield* ask(direct, `${rows} where xmax = 0`)).firsts
          assert.deepStrictEqual(
            shown(yield* Effect.promise(() => executed(through, "s", "1"))).slice(-2),
            refused,
            sql
          )
          assert.deepStrictEqual((yield* ask(direct, `${rows} where xmax = 0`)).firsts, before, sql)
        }
      }).pipe(Effect.scoped)
    )

    // The values of a long one are sent as parameters.
    const long = Array.from({ length: 4000 }, (_, n) => `(${n}, 'row ${n}')`).join(", ")
    for (const [what, rows, count] of [
      ["plain", "(1, 'row')", 1],
      ["long", long, 4000]
    ] as const) {
      for (const [where, begin, end] of [
        ["", "select 1", "select 1"],
        [" within a transaction", "begin", "commit"]
      ] as const) {
        it.effect(`a ${what} statement that writes runs once${where} when another client has added a column`, () =>
          Effect.gen(function* () {
            const { direct, through } = yield* connected
            const ask = (client: Raw.RawClient, sql: string) => Effect.promise(() => client.ask(Raw.query(sql)))
            const insert = `insert into changing values ${rows} returning *`
            yield* ask(direct, "drop table if exists changing; create table changing(a int, t text)")
            yield* ask(through, begin)
            yield* ask(through, insert)
            yield* ask(through, end)
            yield* ask(direct, "alter table changing add column b int default 7")
            yield* ask(through, begin)
            const { answers, code } = yield* ask(through, insert)
            yield* ask(through, end)
            assert.strictEqual(code, undefined)
            assert.strictEqual(answers.find(({ type }) => type === "T")?.body.readInt16BE(0), 3)
            assert.strictEqual(answers.filter(({ type }) => type === "D").length, count)
            assert.deepStrictEqual((yield* ask(direct, "select count(*) from changing")).firsts, [String(2 * count)])
          }).pipe(Effect.scoped)
        )
      }
    }
  })
})
