/** Many positions in one statement. */
import * as Effect from "effect/Effect"
import type * as SqlClient from "effect/sql/SqlClient"
import { Position, PositionCreate } from "../../domain/Position.ts"
import { InvalidInput } from "../../domain/Problems.ts"
import { asText } from "../../domain/Text.ts"
import { accountOwnedBy } from "../Accounts.ts"
import { encoder, type Listed, type Owner, packs, type RepositoryError, type Row, reader } from "../Rows.ts"
import * as Tables from "../Tables.ts"
import { type BatchOptions, checkedBatch, type Entry, encodeBatch, type Refused, writeBatch } from "./Batches.ts"
import { meant, today } from "./InstrumentBatches.ts"

type Sql = SqlClient.SqlClient

/**
 * The positions that were stored, with those of them that can't be read, and the ones that were not stored, each as
 * `account/symbol` with the reason.
 */
export interface PutManyResult {
  readonly positions: Listed<Position>
  readonly refused: ReadonlyArray<Refused>
}

const columns = /* @__PURE__ */ Tables.selected(Tables.positions)
const read = /* @__PURE__ */ reader(Tables.positions, Position)
/** The columns of a new position. */
export const createdPositions = /* @__PURE__ */ Tables.settable(PositionCreate)

const encodeCreate = /* @__PURE__ */ encoder(PositionCreate)

// Positions are written in the order of their keys, so that two batches wait for each other instead of deadlocking. Of
// several spellings of one symbol the last entry counts.
const putPack = (sql: Sql, owner: Owner, complete: boolean, json: string) =>
  sql<Row>`
    WITH given AS (
      SELECT new.account_id || '/' || new.symbol AS key, new.account_id, new.quantity, new.as_of_date,
        ${meant("new.symbol")} AS symbol, new.ordinality AS place
      FROM jsonb_populate_recordset(NULL::positions, ${json}::jsonb) WITH ORDINALITY AS new
    ), checked AS (
      SELECT
        given.*,
        EXISTS (SELECT FROM accounts WHERE accounts.id = given.account_id ${accountOwnedBy(sql, owner)}) AS account_found,
        EXISTS (SELECT FROM instruments WHERE instruments.symbol = given.symbol) AS instrument_found
      FROM given
    ), put AS (
      INSERT INTO positions (${createdPositions})
      SELECT DISTINCT ON (account_id, symbol) account_id, symbol, quantity, coalesce(as_of_date, ${today})
      FROM checked
      WHERE account_found AND instrument_found
        ${sql.literal(complete ? "AND NOT EXISTS (SELECT FROM checked AS c WHERE NOT (c.account_found AND c.instrument_found))" : "")}
      ORDER BY account_id, symbol, place DESC
      ON CONFLICT (account_id, symbol) DO UPDATE SET quantity = excluded.quantity, as_of_date = excluded.as_of_date
      RETURNING ${columns}
    )
    SELECT checked.key AS given_key, checked.account_found, checked.instrument_found, put.*
    FROM checked LEFT JOIN put ON put.account_id = checked.account_id AND put.symbol = checked.symbol`

/** Why a position in an unknown instrument is not stored. */
export const noInstrument = "There is no such instrument. Register it first."

/** Why a row was not stored; undefined if it was. */
const refusal = (row: Row): Refused | undefined => {
  const key = String(row["given_key"])
  if (row["account_found"] !== true) return { key, reason: "There is no such account." }
  if (row["instrument_found"] !== true) return { key, reason: noInstrument }
  return undefined
}

const putEntries = (sql: Sql, owner: Owner, entries: ReadonlyArray<Entry>, options?: BatchOptions) =>
  Effect.gen(function* () {
    const complete = options?.allOrNothing === true
    const run = (json: string) => putPack(sql, owner, complete, json)
    const written = yield* writeBatch(sql, entries, options, run)
    const refused = written.rows.flatMap((row) => refusal(row) ?? [])
    if (complete && refused.length > 0) {
      const problems = refused.map(({ key, reason }) => ({ path: key, message: reason }))
      return yield* new InvalidInput({ subject: "batch of positions", problems })
    }
    const stored = new Map(written.rows.flatMap((row) => (refusal(row) === undefined ? [[row["id"], row]] : [])))
    const positions = yield* read.list(Effect.succeed([...stored.values()]), "written")
    return { positions, refused: [...refused, ...written.refused] }
  })

export const putMany = (
  sql: Sql,
  owner: Owner
): ((input: ReadonlyArray<PositionCreate>, options?: BatchOptions) => Effect.Effect<PutManyResult, RepositoryError>) =>
  Effect.fn("Positions.putMany")(function* (input, options) {
    yield* checkedBatch(input, options)
    const latest = new Map(
      input.map((one) => [`${asText(one?.account_id).toLowerCase()}/${asText(one?.symbol)}`, one] as const)
    )
    const encoded = yield* encodeBatch(latest, options, (one, key) => encodeCreate(one, `position ${key}`))
    const put = putEntries(sql, owner, encoded.entries, options)
    // If one pack is refused, the others have to be rolled back.
    const inOne = options?.allOrNothing !== true || packs(encoded.entries.map(({ json }) => json)).length <= 1
    const { positions, refused } = yield* inOne ? put : sql.withTransaction(put)
    return { positions, refused: [...encoded.refused, ...refused] }
  })
