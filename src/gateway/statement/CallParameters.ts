/** The parameter types of CALL, which PostgreSQL can't prepare, from the procedure's declaration. Pure. */
import type { ExecuteStatementResponse } from "../../data-api/DataApi.ts"
import { literal, unquotedName } from "../../data-api/statement/Quoting.ts"
import type { ClientStatement } from "./ClientStatement.ts"
import type { Description } from "./DescribeSql.ts"
import { fieldText } from "./FieldText.ts"

interface Argument {
  /** The position among the arguments, from 1. */
  readonly place: number
  /** The name in named notation. */
  readonly name: string | undefined
  /** The number of the parameter, if the argument is just a parameter. */
  readonly parameter: number | undefined
}

const argumentOf = (words: ReadonlyArray<string>, place: number): Argument => {
  const named = ["=>", ":="].includes(words.slice(1, 3).join(""))
  const value = named ? words.slice(3) : words
  const match = value.length === 1 ? /^\$(\d+)$/.exec(value[0] ?? "") : null
  return {
    place,
    name: named ? unquotedName(words[0]) : undefined,
    parameter: match === null ? undefined : Number(match[1])
  }
}

const argumentsOf = (words: ReadonlyArray<string>, open: number): ReadonlyArray<Argument> => {
  const found: Array<Argument> = []
  let depth = 0
  let from = open + 1
  for (let at = open; at < words.length; at++) {
    const word = words[at]
    if (word === "(" || word === "[") depth++
    else if (word === ")" || word === "]") depth--
    if (depth > 1 || (depth === 1 && word !== ",")) continue
    if (at > from) found.push(argumentOf(words.slice(from, at), found.length + 1))
    from = at + 1
    if (depth === 0) break
  }
  return found
}

/**
 * The query for the parameter types of the procedures that a CALL may mean; undefined if no query is needed.
 *
 * @param types object ids that the client declares; 0 for an undeclared one
 */
export const callParametersSql = (
  { words }: ClientStatement,
  types: ReadonlyArray<number>
): { readonly sql: string; readonly count: number } | undefined => {
  const open = words.indexOf("(")
  if (words[0] !== "call" || open < 2 || !words.some((word) => /^\$\d+$/.test(word))) return undefined
  const given = argumentsOf(words, open)
  const name = words.slice(1, open).filter((word) => word !== ".")
  const schema =
    name.length > 1 ? `n.nspname = ${literal(unquotedName(name.at(-2)))}` : "pg_catalog.pg_function_is_visible(p.oid)"
  const numbers = words.flatMap((word) => (/^\$\d+$/.test(word) ? [Number(word.slice(1))] : []))
  const rows = given.flatMap(({ name: by, parameter, place }) =>
    parameter === undefined
      ? []
      : [`(${parameter}, ${by === undefined ? place : "null::int"}, ${by === undefined ? "null::text" : literal(by)})`]
  )
  const asked = rows.length === 0 ? ["(0, 0, null::text)"] : rows
  const declared = types.flatMap((oid, index) =>
    oid === 0 || oid === 705 || oid === 2278 ? [] : [`(${index + 1}, ${oid})`]
  )
  const sql = `
with recursive given(parameter, place, name) as (values ${asked.join(", ")}), declared(parameter, oid) as (values ${["(0, 0)", ...declared].join(", ")}),
candidate as (
  select p.oid, g.parameter, coalesce(p.proallargtypes[a.place], p.proargtypes[a.place - 1]) as type
  from pg_catalog.pg_proc p join pg_catalog.pg_namespace n on n.oid = p.pronamespace cross join given g
    cross join lateral (select coalesce(g.place, array_position(p.proargnames, g.name)) as place) a
  where p.prokind = 'p' and p.proname = ${literal(unquotedName(name.at(-1)))} and ${schema}
    and coalesce(cardinality(p.proallargtypes), p.pronargs) >= ${given.length}
    and coalesce(cardinality(p.proallargtypes), p.pronargs) - p.pronargdefaults <= ${given.length}
), base(candidate, parameter, declared, type) as (
  select oid, parameter, type, type from candidate
  union all
  select b.candidate, b.parameter, b.declared, d.typbasetype
  from base b join pg_catalog.pg_type d on d.oid = b.type and d.typtype = 'd'
)
select c.parameter, c.declared::bigint, format('%I.%I', n.nspname, t.typname)
from base c join pg_catalog.pg_type t on t.oid = c.type and t.typtype <> 'd' join pg_catalog.pg_namespace n on n.oid = t.typnamespace
where c.candidate = (select candidate.oid from candidate left join declared d using (parameter)
  group by candidate.oid order by count(*) filter (where d.oid = candidate.type) desc, candidate.oid limit 1)`
  return { sql, count: Math.max(types.length, ...numbers) }
}

/** The parameter types from the response; a parameter within an expression is text. */
export const readCallParameters = ({ records = [] }: ExecuteStatementResponse, count: number): Description => {
  const found = new Map(
    records.map((record) => {
      const [parameter, oid, cast] = record.map(fieldText)
      return [Number(parameter), { oid: Number(oid), cast: cast ?? "" }]
    })
  )
  const all = Array.from({ length: count }, (_, index) => found.get(index + 1) ?? { oid: 25, cast: "pg_catalog.text" })
  return {
    parameters: all.map(({ oid }) => oid),
    casts: all.map(({ cast }) => cast),
    columns: undefined,
    sends: [],
    noTable: false
  }
}
