/** Random conversations: groups of messages in orders that no client would think of, each with one ReadyForQuery. */
import { type Random, randomOf } from "../../chaos/durability/Random.ts"
import * as Raw from "../RawClient.ts"

/** A message of the extended protocol, or of COPY. */
export type Step =
  | { readonly is: "parse"; readonly name: string; readonly sql: string; readonly types: ReadonlyArray<number> }
  | {
      readonly is: "bind"
      readonly portal: string
      readonly statement: string
      readonly values: ReadonlyArray<string | null>
      readonly parameters: ReadonlyArray<number>
      readonly results: ReadonlyArray<number>
    }
  | { readonly is: "describe" | "close"; readonly target: "S" | "P"; readonly name: string }
  | { readonly is: "execute"; readonly portal: string; readonly rows: number }
  | { readonly is: "data"; readonly text: string }
  | { readonly is: "flush" | "done" | "fail" }

/** Messages up to a Sync; a query of some statements, and what is sent after it; or the call of a function. */
export interface Group {
  readonly query?: ReadonlyArray<string>
  readonly call?: { readonly oid: number; readonly values: ReadonlyArray<number> }
  readonly steps: ReadonlyArray<Step>
}

const message = (step: Step): Buffer => {
  switch (step.is) {
    case "parse":
      return Raw.parse(step.name, step.sql, step.types)
    case "bind":
      return Raw.bind(step.portal, step.statement, step.values, step)
    case "describe":
      return Raw.describe(step.target, step.name)
    case "close":
      return Raw.close(step.target, step.name)
    case "execute":
      return Raw.execute(step.portal, step.rows)
    case "data":
      return Raw.copyData(step.text)
    case "flush":
      return Raw.flush
    case "done":
      return Raw.copyDone
    case "fail":
      return Raw.copyFail("enough")
  }
}

export const messages = ({ call, query, steps }: Group): ReadonlyArray<Buffer> => {
  if (call !== undefined) return [Raw.functionCall(call.oid, ...call.values.map(Raw.int32))]
  return query === undefined ? [...steps.map(message), Raw.sync] : [Raw.query(query.join("; ")), ...steps.map(message)]
}

/** Statements by what they are about; a conversation is about a few of these. */
const families: Readonly<Record<string, ReadonlyArray<string>>> = {
  reads: [
    "select id, n, s from t order by id",
    "select * from t where id = $1",
    "select n + $1 as sum, s from t where id < $2 order by id",
    "select $1::int, $2::text",
    "select $1::text is null as nothing",
    "values (1, 'a'), (2, 'b'), (3, null)",
    "select from generate_series(1, 2)",
    "select g from generate_series(1, 5) g",
    "select count(*) from t",
    "table t order by id",
    "with x as (select 1 as one) select one, $1::int from x",
    "explain (costs off) select 1",
    "show transaction_isolation",
    "",
    "-- nothing",
    "select 'ä', e'\\\\x', 1.50::numeric, true, null::bool"
  ],
  writes: [
    "insert into t values ($1, $2, $3)",
    "insert into t (id, s) values (7, 'seven') returning id, s",
    "insert into t (id, n) values (8, 1), (9, 2)",
    "insert into t values ($1, 1) on conflict do nothing",
    "update t set n = n + 1 where id <= 2",
    "update t set s = $2 where id = $1 returning *",
    "delete from t where id = $1",
    "delete from t where id > 2 returning id",
    "with d as (delete from t where id = 1 returning n) select * from d",
    "select 'after'"
  ],
  transactions: [
    "begin",
    "begin",
    "commit",
    "commit",
    "rollback",
    "start transaction read only",
    "begin isolation level serializable",
    "commit and chain",
    "rollback and chain",
    "abort",
    "end",
    "set transaction read only"
  ],
  savepoints: [
    "begin",
    "savepoint a",
    "savepoint b",
    "savepoint a",
    "rollback to a",
    "rollback to b",
    "release a",
    "release b"
  ],
  errors: [
    "select 1/0",
    "select 1 / $1::int - $1::int",
    "insert into t values (1, 1, 'again')",
    "insert into t values (50, 1), (1, 1) returning id",
    "update t set n = n / 0",
    "selec 1",
    "select from where",
    "select nope from t",
    "select * from nowhere",
    "insert into t (id) values (null)",
    "select 'x'::int",
    "do $$ begin raise exception 'done for' using errcode = 'ZZ001'; end $$"
  ],
  cursors: [
    "begin",
    "declare c cursor for select id, s from t order by id",
    "declare c scroll cursor for select g from generate_series(1, 5) g",
    "declare d cursor with hold for select id, n from t order by id",
    "declare d cursor for values (1), (2), (3)",
    "fetch c",
    "fetch 2 from c",
    "fetch all from d",
    "fetch backward 1 from c",
    "fetch absolute 2 from c",
    "move 1 in c",
    "move d",
    "fetch 0 from d",
    "close c",
    "close d",
    "close all",
    "fetch from nobody"
  ],
  prepared: [
    "prepare q as select id, s from t where id < $1 order by id",
    "prepare q (int, text) as select $1, $2",
    "prepare w as insert into t values ($1, $2, 'w')",
    "prepare plain as select 'by SQL'",
    "execute q(3)",
    "execute q(1, 'x')",
    "execute w(60, 1)",
    "execute w(1, 1)",
    "execute plain",
    "deallocate plain",
    "deallocate q",
    "deallocate w",
    "deallocate s1",
    "deallocate all",
    "discard plans"
  ],
  copies: [
    "copy t from stdin",
    "copy t (id, s) from stdin with (format csv)",
    "copy t to stdout",
    "copy (select id, s from t order by id) to stdout with (format csv, header)",
    "copy (select g from generate_series(1, 3) g) to stdout with (format binary)",
    "copy nowhere from stdin",
    "copy nowhere to stdout",
    "copy (select 1/0) to stdout"
  ],
  constraints: [
    "begin",
    "insert into v values ($1)",
    "insert into v values (1)",
    "insert into v values (2) returning a",
    "set constraints all immediate",
    "set constraints all deferred",
    "select a from v order by a",
    "delete from v where a = 1",
    "commit",
    "commit and chain",
    "rollback"
  ],
  mixed: [
    "select set_config('timezone', 'Asia/Tokyo', true)",
    "select set_config('datestyle', 'german', false)",
    "select date '2020-02-01', interval '1 day 2 hours', 0.1::float8",
    "declare d cursor with hold for select id from t where id < $1 order by id",
    "explain (costs off) select $1::int",
    "create table u as execute q(2)",
    "do $$ begin perform 1; end $$",
    "do $$ begin delete from t; end $$",
    "select * from t where id = $1 for update",
    "lock table t",
    "comment on table t is 'x'",
    "analyze t",
    "vacuum t",
    "select n from t order by id limit 1; select 2",
    "insert into t values (90, 1); insert into t values (90, 1)",
    "rollback; select 3",
    "begin; select 1/0"
  ],
  definitions: [
    "truncate t",
    "create table u (a int)",
    "insert into u values (1) returning a",
    "select count(*) from u",
    "drop table u",
    "create table u as select 1 as a, 2 as b",
    "alter table u add column c int",
    "create table if not exists u (a int)",
    "drop table if exists u"
  ],
  settings: [
    "set timezone to 'Asia/Tokyo'",
    "set local timezone to 'Asia/Tokyo'",
    "show timezone",
    "reset timezone",
    "set intervalstyle to iso_8601",
    "select current_setting('timezone')",
    "select '2020-01-01 12:00Z'::timestamptz",
    "set datestyle to german",
    "set nothing_known to 1",
    "set statement_timeout to 'never'",
    "reset all",
    "discard all"
  ]
}

const statementNames = ["", "", "s1", "s2"]
/** Rows of COPY, and rows of one kind of fault: of several kinds another one may be found first. */
const rowsOf: Readonly<Record<string, { readonly good: ReadonlyArray<string>; readonly bad: ReadonlyArray<string> }>> =
  {
    "copy t from stdin": {
      good: ["70\t1\tx\n", "71\t\\N\t\\N\n", "74\t2\ty\n75\t3\tz\n", "76\t1\t\\tt\n", "\\.\n", ""],
      bad: ["1\t1\tagain\n", "x\t1\t1\n", "73\t1\n", "78\t1\t1\t1\n"]
    },
    "copy t (id, s) from stdin with (format csv)": {
      good: ["70,x\n", "71,\n", '72,"a ""b"""\n73,"two\nlines"\n', "\\.\n", ""],
      bad: ["1,again\n", "x,1\n", "78\n", "79,1,1\n"]
    }
  }

/** Whether a statement's fault shows at Execute, where PostgreSQL's planner finds it at Bind. */
const isLate = (sql = ""): boolean => families["errors"]?.includes(sql) === true

/** Unlike PostgreSQL's, a portal stays after ROLLBACK TO, and does not keep its table from being altered. */
const portalsBeside = (chosen: ReadonlyArray<string>) =>
  chosen.includes("savepoints") || chosen.includes("definitions") ? [""] : ["", "", "p", "q"]

const syntaxErrors = new Set(["selec 1", "select from where"])

/**
 * Whether a text may be in a query: a syntax error in the last of several statements stops only that one, and of several
 * parameters, which it has not, PostgreSQL names the one that it comes to first.
 */
const isAsked = (text: string, query: ReadonlyArray<string>): boolean =>
  !text.startsWith("update t set s = $2") && (query.length === 1 || !syntaxErrors.has(text))

class Maker {
  readonly #random: Random
  readonly #texts: ReadonlyArray<string>
  readonly #portals: ReadonlyArray<string>
  readonly #copy: string
  readonly #rows: ReadonlyArray<string>
  /** The texts of prepared statements, if their Parse has succeeded. */
  readonly #parsed = new Map<string, string>()
  #copies = false
  #hasUnnamed = false

  constructor(random: Random) {
    this.#random = random
    const names = Object.keys(families)
    const chosen = [0, 1, 2].map(() => this.#one(names))
    this.#portals = portalsBeside(chosen)
    this.#copy = this.#one(Object.keys(rowsOf))
    const { bad = [], good = [] } = rowsOf[this.#copy] ?? {}
    this.#rows = [...good, this.#one(bad)]
    this.#texts = ["reads", "reads", ...chosen, ...chosen]
      .flatMap((name) => families[name] ?? [])
      .filter((text) => rowsOf[text] === undefined || text === this.#copy)
      // PREPARE and the like, which the gateway keeps for itself, are queries before it.
      .filter((text) => !chosen.includes("copies") || !text.includes("read only"))
      .filter((text) => !chosen.includes("prepared") || !text.includes("serializable"))
  }

  #one<A>(of: ReadonlyArray<A>): A {
    const found = of[Math.floor(this.#random() * of.length)]
    if (found === undefined) throw new Error("There is nothing to choose from.")
    return found
  }

  #is(chance: number): boolean {
    return this.#random() < chance
  }

  #some<A>(most: number, make: () => A): ReadonlyArray<A> {
    return Array.from({ length: Math.floor(this.#random() * (most + 1)) }, make)
  }

  #parse(): Extract<Step, { readonly is: "parse" }> {
    // These are refused by a pipeline, but for its first statement.
    const sql = this.#one(this.#texts.filter((text) => !["discard all", "vacuum t", "lock table t"].includes(text)))
    const name = this.#one(statementNames)
    this.#parsed.set(name, sql)
    this.#copies ||= rowsOf[sql] !== undefined
    return { is: "parse", name, sql, types: this.#is(0.7) ? [] : this.#some(3, () => this.#one([0, 23, 25])) }
  }

  #bind(statement = this.#one(statementNames)): Extract<Step, { readonly is: "bind" }> {
    const late = isLate(this.#parsed.get(statement))
    const count = new Set(this.#parsed.get(statement)?.match(/\$\d/g) ?? []).size
    const binary = this.#is(0.3)
    // Octets of a number of four, which are a text as well.
    const portal = this.#one(this.#portals)
    this.#hasUnnamed ||= portal === ""
    const value = () => (this.#is(0.15) ? null : this.#one(binary ? ["1234", "4321"] : ["0", "1", "2", "77"]))
    return {
      is: "bind",
      portal,
      statement,
      values: Array.from({ length: this.#is(0.95) || late ? count : count + 1 }, value),
      parameters: binary ? [1] : this.#one([[], [], [0]]),
      results: this.#one(late ? [[], [0], [1]] : [[], [], [0], [1], [1], [0, 1]])
    }
  }

  #named(is: "describe" | "close"): Step {
    return this.#is(0.5)
      ? { is, target: "S", name: this.#one(statementNames) }
      : { is, target: "P", name: this.#portal() }
  }

  #run(parse: ReadonlyArray<Step>, bind: Extract<Step, { readonly is: "bind" }>): ReadonlyArray<Step> {
    const { portal } = bind
    const describe: ReadonlyArray<Step> = this.#is(0.6) ? [{ is: "describe", target: "P", name: portal }] : []
    const again = this.#is(0.2) ? [this.#execute(portal)] : []
    return [...parse, bind, ...describe, this.#execute(portal), ...again]
  }

  #steps(): ReadonlyArray<Step> {
    const at = this.#random()
    if (at < 0.4) {
      const parse = this.#parse()
      return this.#run([parse], this.#bind(parse.name))
    }
    if (at < 0.52) return [this.#parse()]
    if (at < 0.67) {
      const bind = this.#bind()
      return isLate(this.#parsed.get(bind.statement)) ? this.#run([], bind) : [bind]
    }
    if (at < 0.77) return [this.#named("describe")]
    if (at < 0.9) return [this.#execute(this.#portal())]
    return [at < 0.95 ? this.#named("close") : { is: "flush" }]
  }

  /** A portal, or now and then a cursor of DECLARE. */
  #portal(): string {
    const portals = this.#portals.filter((name) => name !== "" || this.#hasUnnamed)
    return this.#one([...portals, ...portals, "c", "d"])
  }

  #execute(portal: string): Step {
    return { is: "execute", portal, rows: this.#one([0, 0, 0, 1, 2, 5]) }
  }

  /** Data, which is no one's if no COPY asks for it, and its end. */
  #copying(): ReadonlyArray<Step> {
    const ends = this.#is(0.8) ? "done" : "fail"
    // A bad row is found at the end.
    const rows = ends === "done" ? this.#rows : this.#rows.slice(0, -1)
    return [...this.#some(3, (): Step => ({ is: "data", text: this.#one(rows) })), { is: ends }]
  }

  group(): Group {
    this.#hasUnnamed = false
    // int4pl, int4div, and none.
    if (this.#is(0.03)) {
      return { call: { oid: this.#one([177, 154, 1]), values: this.#some(2, () => this.#one([0, 1, 7])) }, steps: [] }
    }
    if (this.#is(0.45)) {
      const several = [this.#one(this.#texts), ...(this.#is(0.35) ? this.#some(3, () => this.#one(this.#texts)) : [])]
      const query = several.filter((text) => isAsked(text, several))
      if (query.length === 0) query.push("select 1")
      this.#parsed.delete("")
      const asks = query.filter((text) => rowsOf[text] !== undefined)
      return { query, steps: asks.flatMap(() => this.#copying()) }
    }
    const steps = [this.#steps(), ...this.#some(3, () => this.#steps())].flat()
    // Anything else than data would end the connection.
    const copies = this.#copies
    return { steps: steps.flatMap((step) => (copies && step.is === "execute" ? [step, ...this.#copying()] : [step])) }
  }
}

/** The conversation of a seed. */
export const conversationOf = (seed: number): ReadonlyArray<Group> => {
  const random = randomOf(seed)
  const maker = new Maker(random)
  return Array.from({ length: 2 + Math.floor(random() * 6) }, () => maker.group())
}

/** Whether a message is for the unnamed portal. In a failed transaction PostgreSQL may have one of its own. */
const isOfUnnamed = (step: Step): boolean =>
  (step.is === "execute" && step.portal === "") ||
  ((step.is === "describe" || step.is === "close") && step.target === "P" && step.name === "")

/** Whether what PostgreSQL may refuse at Bind is executed too, and the unnamed portal is of Bind. */
const isSound = (groups: ReadonlyArray<Group>): boolean => {
  const parsed = new Map<string, string>()
  return groups.every(({ steps }) => {
    let hasUnnamed = false
    return steps.every((step, index) => {
      hasUnnamed ||= step.is === "bind" && step.portal === ""
      if (isOfUnnamed(step) && !hasUnnamed) return false
      if (step.is === "parse") parsed.set(step.name, step.sql)
      if (step.is !== "bind" || !isLate(parsed.get(step.statement))) return true
      const [next, then] = steps.slice(index + 1)
      const runs = next?.is === "describe" ? then : next
      return runs?.is === "execute" && runs.portal === step.portal
    })
  })
}

/** What is left of a conversation with one thing less, for each thing. */
export const smaller = (groups: ReadonlyArray<Group>): ReadonlyArray<ReadonlyArray<Group>> =>
  lessBy(groups).filter(isSound)

const lessBy = (groups: ReadonlyArray<Group>): ReadonlyArray<ReadonlyArray<Group>> => [
  ...groups.map((_, at) => groups.toSpliced(at, 1)),
  ...groups.flatMap((group, at) =>
    group.steps.flatMap((step, index) =>
      // Without its end, a COPY would take the Sync.
      step.is === "done" || step.is === "fail"
        ? []
        : [groups.with(at, { ...group, steps: group.steps.toSpliced(index, 1) })]
    )
  ),
  ...groups.flatMap((group, at) =>
    (group.query ?? []).length < 2
      ? []
      : (group.query ?? []).map((_, index) =>
          groups.with(at, { ...group, query: group.query?.toSpliced(index, 1) ?? [] })
        )
  )
]
