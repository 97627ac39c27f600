/** Random conversations are answered by the gateway as by PostgreSQL, octet by octet. */
import { assert, describe, layer } from "@effect/vitest"
import { Effect } from "effect"
import * as TestDatabase from "../../TestDatabase.ts"
import { answersTo, said } from "../Conversations.ts"
import { type Answer, query, RawClient } from "../RawClient.ts"
import { layer as gateway, layerEmbedded, TestGateway } from "../TestGateway.ts"
import { conversationOf, type Group, messages, smaller } from "./Orders.ts"

const serverUrl = TestDatabase.postgresUrl ?? ""
const isLong = process.env["ALEX_LONG"] === "1"

const tables = `drop table if exists u; create table if not exists t (id int primary key, n int, s text);
create table if not exists v (a int constraint v_a unique deferrable initially deferred); truncate t, v;
insert into t values (1, 10, 'one'), (2, 20, null), (3, null, 'three')`
const left =
  "select * from t order by id; select * from v order by a; select count(*) from pg_class where relname = 'u'"

/** Columns with another number for their table, which each database has of its own, or none if it can't be asked for. */
const withTable = ({ body, type }: Answer, isKnown: boolean): Answer => {
  const columns = Buffer.from(body)
  let at = 2
  for (let left = columns.readInt16BE(0); left > 0; left--) {
    at = columns.indexOf(0, at) + 1
    if (columns.readInt32BE(at) >= 16384 || !isKnown) columns.writeInt32BE(isKnown ? 1 : 0, at)
    if (!isKnown) columns.writeInt16BE(0, at + 4)
    at += 18
  }
  return { body: columns, type }
}

/** What the two agree on: the service gives no notices, and an error may come only where its statement runs. */
const seen = (answers: ReadonlyArray<Answer>, isKnown: boolean): ReadonlyArray<string> => {
  const all = answers
    .filter(({ type }) => type !== "N")
    .map((one) => (one.type === "T" ? withTable(one, isKnown) : one))
  const error = all.findIndex(({ type }) => type === "E")
  let from = error
  while (from > 0 && "123nTt".includes(all[from - 1]?.type ?? "-")) from--
  return (error === -1 ? all : all.toSpliced(from, error - from)).map(said)
}

/** What is answered otherwise by the gateway, or undefined. */
const difference = Effect.fnUntraced(function* (groups: ReadonlyArray<Group>) {
  const { directUrl, port } = yield* TestGateway
  const direct = new URL(directUrl)
  const isKnown = !JSON.stringify(groups).includes("read only")
  const conversation = [[query(tables)], ...groups.map(messages), [query("rollback")], [query(left)]]
  const ask = (to: number, host?: string) =>
    Effect.promise(async () => {
      const client = await RawClient.connect(to, direct.pathname.slice(1), direct.username, host, { timezone: "UTC" })
      return answersTo(client, conversation, (answers) => seen(answers, isKnown))
    })
  const expected = yield* ask(Number(direct.port), direct.hostname)
  const actual = yield* ask(port)
  const at = expected.findIndex((answer, index) => answer !== actual[index])
  return at === -1 ? undefined : { groups, expected: expected[at], actual: actual[at] }
})

/** The smallest form of what is answered otherwise. */
const smallest = Effect.fnUntraced(function* (groups: ReadonlyArray<Group>) {
  let found = yield* difference(groups)
  for (let rest = smaller(groups); found !== undefined && rest.length > 0; ) {
    const [next = [], ...others] = rest
    const less = yield* difference(next)
    if (less !== undefined) found = less
    rest = less === undefined ? others : smaller(next)
  }
  return found
})

describe.skipIf(serverUrl === "")(TestDatabase.onPostgres("through the gateway"), () => {
  for (const [where, count, front] of [
    ["messages in any order", isLong ? 2000 : 20, gateway(serverUrl, { password: "trust" })],
    // Slower, and answered by the same gateway.
    ["messages in any order on an embedded database", isLong ? 200 : 2, layerEmbedded(serverUrl, { password: "trust" })]
  ] as const) {
    layer(front, { timeout: "60 seconds" })(where, (it) => {
      it.effect(
        `${count} random conversations`,
        () =>
          Effect.gen(function* () {
            for (let seed = 1; seed <= count; seed++) {
              const found = yield* smallest(conversationOf(seed))
              assert.isUndefined(found, `seed ${seed}: ${JSON.stringify(found, undefined, 1)}`)
            }
          }),
        { timeout: 1_200_000 }
      )
    })
  }
})
