/** Asks the same of a direct connection and through the gateway. */
import pg from "pg"

/**
 * Runs a statement, and returns what it gave, or its error. With values, though none, it runs by the extended protocol.
 */
export type Query = (text: string, values?: ReadonlyArray<unknown>) => Promise<unknown>

const queryOf =
  (client: pg.Client): Query =>
  async (text, values) => {
    try {
      const { command, fields, rowCount, rows } = await client.query({
        text,
        ...(values === undefined ? {} : { values: [...values], queryMode: "extended" }),
        rowMode: "array"
      })
      return {
        command,
        rowCount,
        fields: fields.map(({ dataTypeID, name }) => [name, dataTypeID < 16384 ? dataTypeID : "own"]),
        rows
      }
    } catch (error) {
      return error instanceof pg.DatabaseError ? `${error.code} ${error.message}` : String(error)
    }
  }

/** What the statements find. The time of the transaction is fixed. */
const setUp = [
  "create schema own; set search_path = own, pg_catalog",
  "create type mood as enum ('sad', 'very happy')",
  "create domain short as varchar(6) check (value <> 'never')",
  "create sequence one",
  "create function now() returns timestamptz language sql stable as $$select '2020-01-01Z'::timestamptz$$"
]

/** The answers of a direct connection, and those through the gateway, each in a schema of its own. */
export const bothWays = async (
  { directUrl, url }: { readonly directUrl: string; readonly url: string },
  ask: (query: Query) => Promise<ReadonlyArray<unknown>>
) => {
  const seen: Array<ReadonlyArray<unknown>> = []
  for (const connectionString of [directUrl, url]) {
    const client = new pg.Client({ connectionString })
    await client.connect()
    for (const sql of setUp) await client.query(sql)
    const answers = await ask(queryOf(client))
    seen.push(JSON.parse(JSON.stringify(answers)))
    await client.query("drop schema own cascade")
    await client.end()
  }
  const [direct = [], through = []] = seen
  return { direct, through }
}
