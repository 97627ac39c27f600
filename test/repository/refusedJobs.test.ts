/** Jobs that something in the database does not let start, whatever it is, are named as such and keep no others back. */
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { SqlClient } from "effect/sql"
import { ClerkUserId, type JobId } from "../../src/domain/index.ts"
import { Jobs, Users } from "../../src/repository/index.ts"
import { countRequests, embedded } from "./TestRepositories.ts"

const raising = (how: string) => `
  CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN IF new.job_type = 'refused' AND new.error_message = 'bad' THEN ${how}; END IF; RETURN new; END $$`
const trigger = "CREATE TRIGGER refuse BEFORE UPDATE ON jobs FOR EACH ROW EXECUTE FUNCTION refuse()"
const withoutTrigger = ["DROP TRIGGER refuse ON jobs", "DROP FUNCTION refuse"]
// As PostgreSQL says it to a role that no policy lets write the row.
const byPolicy = `RAISE EXCEPTION 'new row violates row-level security policy for table "jobs"' USING ERRCODE = '42501'`

/** What refuses, what it says, and how it is made and taken away. */
const kinds: ReadonlyArray<readonly [says: string, make: ReadonlyArray<string>, drop: ReadonlyArray<string>]> = [
  [
    "own_rule",
    ["ALTER TABLE jobs ADD CONSTRAINT own_rule CHECK (status = 'pending' OR error_message IS NULL) NOT VALID"],
    ["ALTER TABLE jobs DROP CONSTRAINT own_rule"]
  ],
  [
    "own_key",
    [
      "CREATE TABLE names (name varchar(20) PRIMARY KEY, message text UNIQUE)",
      "ALTER TABLE jobs ADD started_as text GENERATED ALWAYS AS (CASE WHEN status <> 'pending' THEN error_message END) STORED",
      "ALTER TABLE jobs ADD CONSTRAINT own_key FOREIGN KEY (started_as) REFERENCES names (message) NOT VALID"
    ],
    ["ALTER TABLE jobs DROP started_as", "DROP TABLE names"]
  ],
  ["not today", [raising("RAISE EXCEPTION 'not today'"), trigger], withoutTrigger],
  ["row-level security policy", [raising(byPolicy), trigger], withoutTrigger],
  ["a policy of row-level security or a trigger", [raising("RETURN NULL"), trigger], withoutTrigger]
]

const of = Effect.fnUntraced(function* (bad: number, good: number) {
  const sql = yield* SqlClient.SqlClient
  yield* (yield* Users).getOrCreate({ clerk_user_id: ClerkUserId.make("refused") })
  yield* sql`DELETE FROM jobs`
  const rows = yield* sql<{ readonly id: JobId }>`
    INSERT INTO jobs (clerk_user_id, job_type, error_message, created_at)
    SELECT 'refused', 'refused', CASE WHEN n <= ${bad}::int THEN 'bad' END, now() - interval '1 day' + n * interval '1 s'
    FROM generate_series(1, ${bad + good}::int) AS n RETURNING id`
  return rows.map(({ id }) => id)
})

layer(embedded, { timeout: "60 seconds", excludeTestServices: true })("a job that can't start", (it) => {
  it.effect("is named with what refuses it, and the ones behind it are claimed", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const jobs = yield* Jobs
      const run = (statements: ReadonlyArray<string>) => Effect.forEach(statements, (one) => sql.unsafe(one))
      for (const [says, make, drop] of kinds) {
        const [bad, worse, good, better] = yield* of(2, 2)
        yield* run(make)
        const claimed = yield* jobs.claim({ types: ["refused"], limit: 2 })
        assert.deepStrictEqual(
          Array.from(claimed, ({ id }) => id),
          [good, better],
          says
        )
        const { unreadable = [] } = claimed
        assert.sameMembers<unknown>(
          unreadable.map(({ key }) => key),
          [bad, worse],
          says
        )
        for (const { message } of unreadable) {
          assert.include(message, says)
          assert.match(message, /^The row \S+ of jobs (can't be changed|is neither written nor visible): /)
          assert.notMatch(message, /verify|can't be read/)
        }
        assert.deepStrictEqual([...(yield* jobs.claim({ types: ["refused"] }))], [])
        yield* run(drop)
      }
    })
  )

  it.effect("costs a claim of those behind it one statement, and one more for each hundred", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const ids = yield* of(120, 1)
      yield* sql.unsafe(
        "ALTER TABLE jobs ADD CONSTRAINT own_rule CHECK (status = 'pending' OR error_message IS NULL) NOT VALID"
      )
      const { requests, result } = yield* countRequests((yield* Jobs).claim({ types: ["refused"] }))
      yield* sql.unsafe("ALTER TABLE jobs DROP CONSTRAINT own_rule")
      assert.deepStrictEqual(
        Array.from(result, ({ id }) => id),
        ids.slice(-1)
      )
      assert.strictEqual(result.unreadable?.length, 120)
      assert.isAtMost(requests, 1 + 2 + 121)
    })
  )
})
