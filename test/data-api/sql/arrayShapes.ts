/** Arrays of strings where a statement does not say that they are arrays, beside strings whose type it says. */
import type { Shape } from "./shapeTable.ts"

const id = "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"

export const arrayShapes: ReadonlyArray<Shape> = [
  ["unnest", (sql) => sql`select u from unnest(${["a", "b"]}) u join things on id = ${id} where u <> ${"a"}`],
  [
    "unnest with ordinality",
    (sql) => sql`select u, i from unnest(${["a", "b"]}) with ordinality o (u, i) join things on id = ${id} order by i`
  ],
  [
    "unnest of two",
    (sql) => sql`select a, b from unnest(${["a", "b"]}, ${[1, 2]}) u (a, b) join things on id = ${id} order by b`
  ],
  [
    "unnest in a subquery",
    (sql) => sql`select n from things where label in (select unnest(${["one"]})) and id = ${id}`
  ],
  [
    "array of a union",
    (sql) =>
      sql`update things set tags = array(select unnest(tags) union select unnest(${["q"]}) order by 1) where id = ${id} returning tags`
  ],
  ["to_jsonb", (sql) => sql`update things set doc = to_jsonb(${["a", "b"]}) where id = ${id} returning doc`],
  [
    "jsonb_set",
    (sql) =>
      sql`update things set doc = jsonb_set(doc, ${["t"]}, to_jsonb(${["a", "b"]})) where id = ${id} returning doc`
  ],
  [
    "jsonb_build_object",
    (sql) => sql`select doc || jsonb_build_object('t', ${["a"]}) as v from things where id = ${id}`
  ],
  ["array_to_json", (sql) => sql`select array_to_json(${["a"]}) as v from things where id = ${id}`],
  [
    "array_length, cardinality",
    (sql) => sql`select array_length(${["a"]}, 1) as l, cardinality(${["a", "b"]}) as c from things where id = ${id}`
  ],
  ["array_to_string", (sql) => sql`select array_to_string(${["a", "b"]}, ${"-"}) as v from things where id = ${id}`],
  [
    "variadic",
    (sql) => sql`select concat_ws(${"-"}, variadic ${["a", "b"]}) as v, format(${"%s"}, variadic ${["a"]}) as w`
  ],
  ["array || string", (sql) => sql`select ${["a"]} || ${"{b}"} as v, ${"{b}"} || ${["a"]} as w`],
  ["array || a string that is no array", (sql) => sql`select ${["a"]} || ${"b"} as v`],
  ["array @> string", (sql) => sql`select ${["a"]} @> ${"{a}"} as v, ${["a"]} = ${"{a}"} as w`],
  [
    "coalesce",
    (sql) => sql`select coalesce(${["a"]}, ${"{b}"}) as v, coalesce(tags, ${["c"]}) as w from things order by n`
  ],
  [
    "nullif, case",
    (sql) => sql`select nullif(${["a"]}, ${"{a}"}) as v, case when true then ${["a"]} else ${"{}"} end as w`
  ],
  [
    "union",
    (sql) => sql`select ${["a"]} as v union all select ${"{b}"} union all select tags from things where id = ${id}`
  ],
  ["greatest", (sql) => sql`select greatest(${["a"]}, ${["b"]}, ${"{c}"}) as v`],
  ["a jsonb column", (sql) => sql`update things set doc = ${["a"]} where id = ${id}`],
  ["an element of one", (sql) => sql`select n from things where ${["one"]} = ${"one"} or id = ${id}`],
  [
    "an array column beside one that is not said",
    (sql) => sql`select n from things where tags && ${["x"]} and cardinality(${["a"]}) = 1 and id = ${id}`
  ]
]
