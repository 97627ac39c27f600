/**
 * Connection URLs: what is accepted is what the client pg reads in them, but for what pg does not decode (a `%2F` in the
 * database's name), takes from another place (a host that is given twice) or drops (a database called `.` or `..`).
 */
import { Redacted, Result } from "effect"
import pgUrl from "pg-connection-string"
import * as PostgresUrl from "../../../src/data-api/postgres/PostgresUrl.ts"
import { parseUrl } from "../../../src/local/postgres/PostgresPool.ts"
import type { Target } from "./Target.ts"

/** What pg makes of a URL; undefined where it throws. */
const byPg = (url: string) => {
  try {
    return pgUrl.parse(url, { useLibpqCompat: true })
  } catch {
    return undefined
  }
}

/** A host as pg writes it: an IPv6 address in its shortest form. */
const canonical = (host: string): string =>
  host.includes(":")
    ? (URL.parse(`http://[${host}]`)?.hostname ?? host).replace(/^\[(.*)\]$/, "$1")
    : host.toLowerCase()

const differences = (url: string): string | undefined => {
  const target = PostgresUrl.parse(Redacted.make(url), { user: "postgres" })
  const local = parseUrl(Redacted.make(url))
  if (Result.isFailure(target)) return Result.isFailure(local) ? undefined : "the pool accepts what the driver refuses"
  const { database, host, password, port, user } = target.success
  const other = byPg(url.trim())
  // pg takes the URL's own part where a parameter is empty; libpq does not.
  if (/[?&](?:user|password|port)=(?:[&#]|\s*$)/.test(url)) return undefined
  if (other === undefined || /[?&]host|\/\/[^/]*%[^@]*(?:\/|$)/.test(url)) return undefined
  const named = "dbname" in other && typeof other.dbname === "string" ? other.dbname : other.database
  const secret = password === undefined ? "" : Redacted.value(password)
  const members: ReadonlyArray<readonly [string, string, string]> = [
    ["host", canonical(host), canonical((other.host || "localhost").replace(/^\[(.*)\]$/, "$1"))],
    ["port", String(port), String(Number(other.port || "5432"))],
    ["user", user, other.user || "postgres"],
    ...(url.includes("%") || /\/\.\.?(?:[?#]|\s*$)/.test(url) ? [] : [["database", database, named || user] as const]),
    ["password", secret, other.password ?? ""]
  ]
  for (const [name, ours, theirs] of members) if (ours !== theirs) return `the ${name} is another than pg's`
  return undefined
}

export const urls: Target = {
  name: "urls",
  round: 20_000,
  files: /src\/data-api\/postgres\/PostgresUrl/,
  seeds: [
    "postgres://user:p%40ss@db.example.com:5433/alex?sslmode=require&application_name=a",
    "postgresql://[::1]/db",
    "postgres://u@/d?host=/var/run/postgresql&port=5433",
    "postgres://h?user=u&password=p&dbname=d&connect_timeout=3&options=-c%20a%3Db"
  ],
  words: [
    "postgres://",
    "postgresql://",
    "@",
    ":",
    "/",
    "?",
    "&",
    "=",
    "#",
    "%",
    "%40",
    "%2F",
    "%00",
    "%C3%A9",
    "[::1]",
    ",",
    " ",
    "+"
  ],
  run: (input) => differences(input.toString("utf8"))
}
