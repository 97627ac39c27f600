/**
 * Builds the SQL that asks PostgreSQL for a statement's parameters and columns without running it, and reads the
 * answer.
 *
 * A DO block prepares the statement, which gives the types of its parameters, and creates a temporary view or an empty
 * table of its columns, which gives their names, types and modifiers. An error with its own SQLSTATE carries the answer
 * and rolls everything back; in a transaction, which an error would abort, a setting carries it.
 */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { isLonger, MAX_SQL_LENGTH } from "../../data-api/Limits.ts"
import { ANSWER_SQLSTATE, nonce } from "../../data-api/sql/TypeLookup.ts"
import { fromNumbered } from "../../data-api/statement/Placeholders.ts"
import { literal } from "../../data-api/statement/Quoting.ts"
import type { FieldDescription } from "../protocol/BackendMessages.ts"
import type { ClientStatement } from "./ClientStatement.ts"
import { frameOf } from "./Wrapped.ts"

/** The setting that carries an answer within a transaction. */
const SETTING = "alex_gateway.described"

/** Reads the answer from the setting. */
export const readDescriptionSql = `select current_setting('${SETTING}')`

/** The parameters and columns of a statement. */
export interface Description {
  /** Object ids of the parameters' types. */
  readonly parameters: ReadonlyArray<number>
  /** The casts of the parameters' values. */
  readonly casts: ReadonlyArray<string>
  /** Undefined for a statement that returns no rows. */
  readonly columns: ReadonlyArray<FieldDescription> | undefined
  /** The columns' binary send functions; undefined if unknown. */
  readonly sends: ReadonlyArray<string | undefined>
  /** No table could be created, so the columns have to be asked for in another way. */
  readonly noTable: boolean
}

/** PostgreSQL refused the statement with this SQLSTATE. */
export interface Undescribed {
  readonly sqlState: string
}

/** Characters that rarely occur in a statement. */
const separators = ["\u001f", "\u001e", "\u001d", "\u001c", "\u0001", "\u0002", "\u0003"]

/** An array of texts, written short: a statement may have thousands of parameters. */
const textArray = (texts: ReadonlyArray<string>): string => {
  const separator = separators.find((one) => !texts.some((text) => text.includes(one)))
  if (separator === undefined) return `array[${texts.map(literal).join(", ")}]::text[]`
  return texts.length === 0 ? "'{}'" : `string_to_array(${literal(texts.join(separator))}, '${separator}')`
}

/** An array of types, written short if all are object ids; an undeclared type is an empty item. */
const typeArray = (types: ReadonlyArray<string>): string => {
  if (!types.every((type) => /^(?:\d+|unknown)$/.test(type))) return textArray(types)
  return types.every((type) => type === "unknown")
    ? `array_fill('unknown'::text, array[${types.length}])`
    : `string_to_array('${types.join(",").replaceAll("unknown", "")}', ',', '')`
}

const isCounting = (numbers: ReadonlyArray<number>): boolean => numbers.every((number, index) => number === index + 1)

const numberArray = (numbers: ReadonlyArray<number>): string =>
  isCounting(numbers) ? `array(select generate_series(1, ${numbers.length}))` : `'{${numbers.join(",")}}'`

/**
 * Prepares the statement; a parameter whose type PostgreSQL can't infer becomes text. A value of a domain is cast to
 * the base type: a cast to the domain would cut it to the domain's length instead of refusing it.
 */
const parametersOf = (name: string): string => `
    types := array(select case when t is null then 'unknown' when t ~ '^[0-9]+$' then t::oid::regtype::text else t end
      from unnest(types) with ordinality u (t, n) order by n);
    loop
      begin
        stmt := pieces[1];
        for i in 1 .. cardinality(refs) loop stmt := stmt || '$' || refs[i] || pieces[i + 1]; end loop;
        execute 'prepare ${name} (' || array_to_string(types, ', ') || ') as ' || stmt;
        exit;
      exception when indeterminate_datatype then
        at := substring(sqlerrm from '[$]([0-9]+)')::int;
        if at is null or types[at] <> 'unknown' then raise; end if;
        types[at] := 'text';
      end;
    end loop;
    select parameter_types::oid[] into oids from pg_catalog.pg_prepared_statements where name = '${name}';
    execute 'deallocate ${name}';
    with recursive base as (
      select o.number, o.oid from unnest(oids) with ordinality o (oid, number)
      union all
      select b.number, d.typbasetype from base b join pg_catalog.pg_type d on d.oid = b.oid and d.typtype = 'd'
    )
    select array_agg(case
      when not exists (select from pg_catalog.pg_cast
        where castsource = 25 and casttarget = t.oid and castmethod = 'f')
        then case when n.oid = 11 and pg_catalog.pg_type_is_visible(t.oid) then format('%I', t.typname)
          else format('%I.%I', n.nspname, t.typname) end
      when t.oid = 1042 then 'pg_catalog.bpchar'
      else format('pg_catalog.bpchar::%I.%I', n.nspname, t.typname) end order by b.number) into casts
    from base b join pg_catalog.pg_type t on t.oid = b.oid and t.typtype <> 'd' join pg_catalog.pg_namespace n on n.oid = t.typnamespace;`

/** A rule of a statement that writes records which tables its columns come from; it is never used. */
const withRule = (table: string, marker: string): string => `
    if make <> '${asView(table)}' then
      begin
        execute 'create rule ${table} as on insert to ${table} do instead (' || replace(stmt, '${marker}', '') || E'\\n)';
      exception when others then null;
      end;
    end if;`

/** The statements that create the view or the table, with `%s` for the client's statement. */
const asView = (name: string): string => `create temp view ${name} as (%s\n)`
const asTable = (name: string): string => `create temp table ${name} as (%s\n) with no data`

/**
 * Reads the columns of the view or table: base types, modifiers, and the table column that each comes from.
 *
 * The origins, and the names of the columns that a statement that writes returns, come from the parsed statement of the
 * rule: its own columns are at the second level of braces, those of subqueries are deeper.
 */
const toldColumns = (table: string): string => `
    with token as (
      select t.m, t.n, sum(case t.m[1] when '{' then 1 when '}' then -1 else 0 end) over (order by t.n) as depth
      from pg_catalog.pg_rewrite, regexp_matches(ev_action::text,
        ${literal(String.raw`(\\.|[{}]|:resname ((?:\\.|[^ \\])+) :ressortgroupref \d+ :resorigtbl (\d+) :resorigcol (-?\d+))`)}, 'g')
        with ordinality t (m, n)
      where ev_class = 'pg_temp.${table}'::regclass
    )
    select array_agg(t.m[3] || ',' || t.m[4] order by t.n), array_agg(regexp_replace(t.m[2], ${literal(String.raw`\\(.)`)}, ${literal(String.raw`\1`)}, 'g') order by t.n)
      into origins, told from token t where t.m[3] is not null and t.depth = 2;
    if not is_query and told is not null then
      names := told[cardinality(told) + 1 - (select count(*) from pg_catalog.pg_attribute
        where attrelid = 'pg_temp.${table}'::regclass and attnum > 0):];
    end if;
    with recursive own as (
      select a.attnum as number, coalesce(names[a.attnum], a.attname::text) as label, a.atttypmod as modifier,
        coalesce(pg_catalog.to_regtype('pg_catalog.' || pseudo[a.attnum])::oid, a.atttypid) as type
      from pg_catalog.pg_attribute a
      where a.attrelid = 'pg_temp.${table}'::regclass and a.attnum > 0
    ), base as (
      select * from own
      union all
      select b.number, b.label, case when b.modifier = -1 then d.typtypmod else b.modifier end, d.typbasetype
      from base b join pg_catalog.pg_type d on d.oid = b.type and d.typtype = 'd'
    )
    select coalesce(json_agg(json_build_array(b.label, b.type::oid::bigint, t.typlen, b.modifier,
      (select format('%I.%I', n.nspname, p.proname) from pg_catalog.pg_proc p
        join pg_catalog.pg_namespace n on n.oid = p.pronamespace where p.oid = t.typsend),
      origins[cardinality(origins) - (select count(*)::int from own) + b.number]) order by b.number), '[]')
    into columns from base b join pg_catalog.pg_type t on t.oid = b.type and t.typtype <> 'd';`

/**
 * Creates a view, which records where its columns come from. A statement that writes, or that no view can hold (such as
 * one with a regrole constant), gets a table. Duplicate names and pseudo-types, which neither can hold, are replaced in
 * a second attempt.
 */
const columnsFromView = (table: string, marker: string): string => `
    stmt := pieces[1];
    for i in 1 .. cardinality(refs) loop stmt := stmt || '(null::' || casts[refs[i]] || ')' || pieces[i + 1]; end loop;
    begin
      begin
        execute format(make, replace(replace(lead || replace(stmt, '${marker}', middle) || trail,
          '@names', ''), '@exprs', '*'));
      exception when feature_not_supported then
        make := '${asTable(table)}';
        execute format(make, replace(replace(lead || replace(stmt, '${marker}', middle) || trail,
          '@names', ''), '@exprs', '*'));
      end;
    exception when duplicate_column or invalid_table_definition then
      if is_query then
        execute 'select row_to_json(alex_gateway_row) from (select q.* from (select 1) d left join (select * from (' || stmt
          || E'\\n) z limit 0) q on false) alex_gateway_row' into labels;
        names := array(select json_object_keys(labels));
      else
        begin
          names := array(select 'c' || i from generate_series(1, 1665) i);
          execute 'explain ' || replace(replace(lead || replace(stmt, '${marker}', middle) || trail,
            '@names', '(' || array_to_string(names, ', ') || ')'), '@exprs', '1');
        exception when invalid_column_reference then
          at := substring(sqlerrm from '([0-9]+)[^0-9]+1665')::int;
          names := array(select 'column' || i from generate_series(1, at) i);
        end;
      end if;
      if names = '{}' then make := '${asTable(table)}'; end if;
      exprs := array(select 'c' || i from generate_series(1, cardinality(names)) i);
      renamed := '(' || array_to_string(exprs, ', ') || ')';
      pseudo := array_fill(null::text, array[cardinality(names)]);
      loop
        begin
          select string_agg(u.e || ' as c' || u.i, ', ' order by u.i) into aliased
          from unnest(exprs) with ordinality u (e, i);
          execute format(make, replace(replace(
            lead || replace(stmt, '${marker}', middle) || trail, '@names', renamed), '@exprs', aliased));
          exit;
        exception when invalid_table_definition then
          at := substring(sqlerrm from '"c([0-9]+)"')::int;
          if at is null or pseudo[at] is not null then raise; end if;
          pseudo[at] := substring(sqlerrm from '[^ ]+$');
          exprs[at] := 'null::text';
        when feature_not_supported then
          if make = '${asTable(table)}' then raise; end if;
          make := '${asTable(table)}';
        end;
      end loop;
    end;
${withRule(table, marker)}
${toldColumns(table)}`

/** Has PostgreSQL look at a statement without parameters. */
const lookedAt = (name: string): string => `
    execute 'prepare ${name} as ' || pieces[1];
    execute 'deallocate ${name}';`

/**
 * A read-only transaction, or a role without the privilege, can't create a table. They are refused before the statement
 * is looked at, which the parameters have had done already.
 */
const withoutTable = (columns: string, name: string, hasParameters: boolean): string => `
  begin${columns}
  exception when read_only_sql_transaction or insufficient_privilege then no_table := true;${hasParameters ? "" : lookedAt(name)}
  end;`

const bodyOf = (options: {
  readonly statement: ClientStatement
  readonly pieces: ReadonlyArray<string>
  readonly references: ReadonlyArray<number>
  readonly types: ReadonlyArray<string>
  readonly settings: ReadonlyArray<readonly [name: string, value: string]>
  /** The name of the prepared statement, the view or table, and the rule. */
  readonly name: string
  readonly marker: string
  readonly inTransaction: boolean
}): string => {
  const { inTransaction, marker, name, pieces, references, settings, statement, types } = options
  const { lead, middle, trail } = frameOf(statement, "@names", "@exprs")
  const set = settings.map(([name, value]) => `perform set_config(${literal(name)}, ${literal(value)}, true);`)
  const returnsRows = statement.returnsRows === true
  const hasParameters = types.length > 0
  return `
declare
  types text[] := ${typeArray(types)};
  pieces text[] := ${textArray(pieces)};
  refs int[] := ${numberArray(references)};
  is_query bool := ${statement.kind === "query" && statement.tail === 0};
  lead text := ${literal(lead)};
  middle text := ${literal(middle)};
  trail text := ${literal(trail)};
  make text := ${literal(statement.kind === "query" && statement.tail === 0 ? asView(name) : asTable(name))};
  oids oid[]; casts text[]; names text[]; exprs text[]; pseudo text[]; origins text[]; told text[];
  no_table bool := false; stmt text; renamed text; aliased text; answer text; at int; labels json; columns json;
begin
  begin
    ${set.join("\n    ")}${hasParameters ? parametersOf(name) : ""}${
      returnsRows
        ? withoutTable(columnsFromView(name, marker), name, hasParameters)
        : hasParameters
          ? ""
          : lookedAt(name)
    }
    raise exception using errcode = '${ANSWER_SQLSTATE}', message = json_build_object(
      'parameters', (select json_agg(o::bigint) from unnest(oids) o), 'casts', to_json(casts), 'columns', columns, 'noTable', no_table);
  exception when sqlstate '${ANSWER_SQLSTATE}' then answer := sqlerrm;
    when others then answer := json_build_object('state', sqlstate);
  end;
  ${
    inTransaction
      ? `perform set_config('${SETTING}', answer, true);`
      : `raise exception using errcode = '${ANSWER_SQLSTATE}', message = 'alex-database asks what a statement returns, which is no failure: '
    || replace(encode(convert_to(answer, 'UTF8'), 'base64'), chr(10), '');`
  }
end`
}

/**
 * The DO block; undefined if it would be too long, or if the statement's placeholders can't be read.
 *
 * @param types the object ids or names of the types that the client declares, `unknown` for an undeclared one
 * @param settings the session's settings to apply first
 */
export const describeSql = (
  statement: ClientStatement,
  types: ReadonlyArray<string>,
  settings: ReadonlyArray<readonly [name: string, value: string]>,
  inTransaction: boolean
): string | undefined => {
  const { sql, tail } = statement
  const name = `alex_${nonce()}`
  const marker = `/*${name}*/`
  const template = fromNumbered(tail > 0 ? sql.slice(0, tail) + marker + sql.slice(tail) : sql)
  if (Result.isFailure(template)) return undefined
  const { count, parameters, pieces } = template.success
  const all = Array.from({ length: Math.max(count, types.length) }, (_, index) => types[index] ?? "unknown")
  const references = parameters.map((parameter) => parameter + 1)
  const body = bodyOf({ statement, pieces, references, types: all, settings, name, marker, inTransaction })
  const text = `do ${literal(body)}`
  return isLonger(text, MAX_SQL_LENGTH) ? undefined : text
}

const Column = Schema.Tuple([
  Schema.String,
  Schema.Int,
  Schema.Int,
  Schema.Int,
  Schema.NullOr(Schema.String),
  Schema.NullOr(Schema.String)
])

const decodeAnswer = Schema.decodeUnknownResult(
  Schema.fromJsonString(
    Schema.Struct({
      state: Schema.optionalKey(Schema.String),
      parameters: Schema.optionalKey(Schema.NullOr(Schema.Array(Schema.Int))),
      casts: Schema.optionalKey(Schema.NullOr(Schema.Array(Schema.String))),
      columns: Schema.optionalKey(Schema.NullOr(Schema.Array(Column))),
      noTable: Schema.optionalKey(Schema.Boolean)
    })
  )
)

/** Decodes an answer. */
export const readDescription = (answer: string): Result.Result<Description | Undescribed, string> => {
  const decoded = decodeAnswer(answer)
  if (Result.isFailure(decoded)) return Result.fail("What a statement returns came back in an unknown form.")
  const { casts, columns, noTable = false, parameters, state } = decoded.success
  if (state !== undefined) return Result.succeed({ sqlState: state })
  return Result.succeed({
    parameters: parameters ?? [],
    casts: casts ?? [],
    noTable,
    sends: columns?.map(([, , , , send]) => send ?? undefined) ?? [],
    columns: columns?.map(([name, typeOid, typeSize, typeModifier, , origin]) => {
      const [tableOid = 0, columnNumber = 0] = (origin ?? "").split(",").map(Number)
      return { name, tableOid, columnNumber, typeOid, typeSize, typeModifier }
    })
  })
}
