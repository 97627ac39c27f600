/**
 * Parses PostgreSQL connection URLs. Connections, messages and confirmations use the same parsed fields.
 *
 * Every parameter of libpq is either supported or refused by name; none is ignored.
 */
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as SchemaIssue from "effect/SchemaIssue"

/** How TLS is used, as in libpq. */
export const SslMode = Schema.Literals(["disable", "allow", "prefer", "require", "verify-ca", "verify-full"])
export type SslMode = typeof SslMode.Type

const named = Schema.String.pipe(Schema.check(Schema.isPattern(/^[^\p{Cc}]+$/u)))
/** Seconds that fit into a timer of Node, whose maximum is 2^31 - 1 milliseconds. */
const Seconds = Schema.Int.pipe(Schema.check(Schema.isBetween({ minimum: 0, maximum: 2_147_483 })))

/**
 * Where a PostgreSQL server is and who connects. `host` is a name, an address, or the folder of a Unix socket.
 * `connectTimeout` is in seconds; 0 means no limit. For an absent member the client uses its default.
 */
export const PostgresTarget = Schema.Struct({
  host: named,
  port: Schema.Int.pipe(Schema.check(Schema.isBetween({ minimum: 1, maximum: 65_535 }))),
  user: named,
  database: named,
  password: Schema.optionalKey(Schema.Redacted(Schema.String)),
  sslmode: Schema.optionalKey(SslMode),
  applicationName: Schema.optionalKey(Schema.String),
  options: Schema.optionalKey(Schema.String),
  connectTimeout: Schema.optionalKey(Seconds)
})
export type PostgresTarget = typeof PostgresTarget.Type

/** Parameters that change nothing here if they have one of these values. */
const withoutEffect: Readonly<Record<string, RegExp>> = {
  channel_binding: /^(prefer|disable)$/,
  client_encoding: /^(auto|utf-?8)$/i,
  gssencmode: /^(prefer|disable)$/,
  load_balance_hosts: /^disable$/,
  replication: /^(false|off|no|0)$/,
  sslcompression: /^0$/,
  sslnegotiation: /^postgres$/,
  sslrootcert: /^system$/,
  sslsni: /^1$/,
  target_session_attrs: /^any$/
}

const giveHere = "write host, port, user and database into the URL itself"
const ownCertificate = "this client presents no certificate of its own: remove it, and use a password"
const ownAuthority =
  "set NODE_EXTRA_CA_CERTS to the file's path in the environment instead, and use sslmode=verify-full"
const byTheSystem = "this client leaves it to the operating system: remove it"
const noKerberos = "this client has no GSSAPI: remove it, and use a password"

/** What to use in place of a parameter that is not supported. */
const instead: Readonly<Record<string, string>> = {
  channel_binding: "this client can't bind to the TLS channel: remove it, and use sslmode=verify-full",
  client_encoding: "this client speaks UTF-8 only: remove it",
  gssencmode: noKerberos,
  gssdelegation: noKerberos,
  gsslib: noKerberos,
  hostaddr: "it names another server than the host: give one of the two",
  keepalives: byTheSystem,
  keepalives_count: byTheSystem,
  keepalives_idle: byTheSystem,
  keepalives_interval: byTheSystem,
  krbsrvname: noKerberos,
  load_balance_hosts: "this client connects to one host only: remove it",
  max_protocol_version: "this client speaks version 3.0 of the protocol: remove it",
  min_protocol_version: "this client speaks version 3.0 of the protocol: remove it",
  oauth_client_id: "this client has no OAuth: remove it, and use a password",
  oauth_client_secret: "this client has no OAuth: remove it, and use a password",
  oauth_issuer: "this client has no OAuth: remove it, and use a password",
  oauth_scope: "this client has no OAuth: remove it, and use a password",
  passfile: "no password file is read: write the password into the URL",
  replication: "replication connections are not used here: remove it",
  require_auth: "the server chooses how to authenticate: remove it",
  requirepeer: "the owner of a socket is not checked: remove it",
  requiressl: "use sslmode=require instead",
  scram_client_key: "write the password into the URL instead",
  scram_server_key: "write the password into the URL instead",
  schema: "it belongs to another tool: use options=-c%20search_path%3Dname instead",
  service: `no service file is read: ${giveHere}`,
  servicefile: `no service file is read: ${giveHere}`,
  sslcert: ownCertificate,
  sslcertmode: ownCertificate,
  sslcompression: "TLS is never compressed: remove it",
  sslcrl: "revocation lists are not read: remove it",
  sslcrldir: "revocation lists are not read: remove it",
  sslkey: ownCertificate,
  sslkeylogfile: "use Node's --tls-keylog instead",
  sslnegotiation: "TLS is always negotiated by PostgreSQL's own protocol: remove it",
  sslpassword: ownCertificate,
  sslrootcert: ownAuthority,
  sslsni: "the server's name is always sent: remove it",
  ssl_max_protocol_version: "use Node's --tls-max-v1.2 or --tls-max-v1.3 instead",
  ssl_min_protocol_version: "use Node's --tls-min-v1.2 or --tls-min-v1.3 instead",
  target_session_attrs: "this client connects to one host only: remove it, and name the right host",
  tcp_user_timeout: byTheSystem
}

const form = "postgres://user:password@host:port/database"

/** Decodes percent-encoding; the failure says what is malformed and how to write it. */
const decoded = (text: string, what: string): Result.Result<string, string> => {
  if (/%(?![0-9A-Fa-f]{2})/.test(text)) {
    return Result.fail(`${what} holds a "%" without two hexadecimal digits after it: write a "%" itself as %25`)
  }
  if (/%00/.test(text)) return Result.fail(`${what} holds %00, which PostgreSQL can't take: remove it`)
  return Result.try({
    try: () => decodeURIComponent(text),
    catch: () => `${what} is percent-encoded, but not in UTF-8: encode each byte of its UTF-8 form`
  })
}

interface Parts {
  readonly user: string
  readonly password: string | undefined
  readonly host: string
  readonly port: string
  readonly database: string
  readonly query: ReadonlyArray<string>
}

const encodeInPassword = 'in user and password write "@" as %40, "/" as %2F, "?" as %3F, "#" as %23 and "%" as %25'

const hostPort = /^(\[[^[\]]*\]|[^[\]:]*)(?::([^:]*))?$/

/** Other forms that users write, and how to write each as a URL. */
const otherForms: ReadonlyArray<readonly [RegExp, string]> = [
  [/^\s*\w+\s*=/, `it is a list of key=value settings, which is not read: write it as ${form}`],
  [/^["'`]/, "it begins with a quote, which belongs to the shell or to .env: remove the quotes"],
  [/\$\{\w+\}/, "it holds a variable in braces after a dollar sign, which is not substituted here: write the value"],
  [/^jdbc:postgres/, `it is a URL of JDBC: write it as ${form}, without jdbc: and with user and password in front`],
  [/^postgres(ql)?\+\w+:/, `it names a driver of another language: write postgres:// in front, as in ${form}`]
]

/** Splits a URL into its parts, still encoded. A URL that could be split in two ways is refused. */
const partsOf = (url: string): Result.Result<Parts, string> => {
  const rest = /^postgres(?:ql)?:\/\/(.*)$/s.exec(url)?.[1]
  const other = otherForms.find(([pattern]) => pattern.test(url))?.[1]
  if (rest === undefined || other !== undefined) return Result.fail(other ?? `it is not of the form ${form}`)
  if (/[\s\p{Cc}]/u.test(rest)) return Result.fail("it holds white space: write a space as %20")
  if (rest.includes("#")) return Result.fail(`it holds a "#": ${encodeInPassword}`)
  const [, authority = "", path, query] = /^([^/?]*)(?:\/([^?]*))?(?:\?(.*))?$/s.exec(rest) ?? []
  const at = authority.indexOf("@")
  if (rest.indexOf("@", at + 1) !== -1)
    return Result.fail(`it holds an "@" in a place that is not clear: ${encodeInPassword}`)
  const address = hostPort.exec(authority.slice(at + 1))
  if (authority.slice(at + 1).includes(",")) {
    return Result.fail("it names several hosts, but this client connects to one: name the right one")
  }
  if (address === null || !/^\d*$/.test(address[2] ?? "")) {
    return Result.fail(`its host or port can't be read: it has the form ${form}; ${encodeInPassword}`)
  }
  if (path?.includes("/") === true) return Result.fail(`it holds a second "/" after the host: ${encodeInPassword}`)
  const credentials = at === -1 ? "" : authority.slice(0, at)
  const colon = credentials.indexOf(":")
  return Result.succeed({
    user: colon === -1 ? credentials : credentials.slice(0, colon),
    password: colon === -1 ? undefined : credentials.slice(colon + 1),
    host: address[1] ?? "",
    port: address[2] ?? "",
    database: path ?? "",
    query: query === undefined || query === "" ? [] : query.split("&")
  })
}

/** The parameters of the query by name. The last one wins if a name is repeated, as in libpq. */
const parametersOf = (query: ReadonlyArray<string>): Result.Result<ReadonlyMap<string, string>, string> => {
  const found = new Map<string, string>()
  for (const pair of query) {
    const match = /^([a-z_]+)=([^=]*)$/.exec(pair)
    if (match === null) {
      return Result.fail(
        `a parameter after the "?" is not of the form name=value: write "=" in a value as %3D; ${encodeInPassword}`
      )
    }
    const [, name = "", encoded = ""] = match
    if (encoded.includes("+")) {
      return Result.fail(
        `${name} holds a "+", which some programs read as a space: write a space as %20, and a plus as %2B`
      )
    }
    const value = decoded(encoded, name)
    if (Result.isFailure(value)) return Result.fail(value.failure)
    found.set(name, value.success)
  }
  return Result.succeed(found)
}

const covered = new Set([
  "host",
  "hostaddr",
  "port",
  "dbname",
  "user",
  "password",
  "sslmode",
  "ssl",
  "application_name",
  "fallback_application_name",
  "options",
  "connect_timeout"
])

/** What is wrong with a parameter; undefined if it is supported or changes nothing. */
const refusalOf = (name: string, value: string): string | undefined => {
  if (covered.has(name)) return undefined
  if (Object.hasOwn(withoutEffect, name) && withoutEffect[name]?.test(value) === true) return undefined
  const advice = Object.hasOwn(instead, name) ? instead[name] : undefined
  return advice === undefined
    ? `it has the parameter ${name}, which PostgreSQL does not know: remove it`
    : `it has the parameter ${name}: ${advice}`
}

const number = (text: string): number => (/^\d{1,9}$/.test(text) ? Number(text) : Number.NaN)

const hostOf = (host: string, hostaddr: string): Result.Result<string, string> => {
  if (host !== "" && hostaddr !== "" && host !== hostaddr) {
    return Result.fail(`it has the parameter hostaddr: ${instead.hostaddr}`)
  }
  const found = (host || hostaddr || "localhost").replace(/^\[(.*)\]$/, "$1")
  if (found.includes(",")) {
    return Result.fail("it names several hosts, but this client connects to one: name the right one")
  }
  if (found.startsWith("@"))
    return Result.fail("its host is an abstract socket, which is not supported: use the folder of a Unix socket")
  if (!found.startsWith("/") && /[^\p{L}\p{N}._:%-]/u.test(found))
    return Result.fail("its host is not a valid host name")
  return Result.succeed(found)
}

const sslmodeOf = (parameters: ReadonlyMap<string, string>): Result.Result<SslMode | undefined, string> => {
  const ssl = parameters.get("ssl")
  if (ssl !== undefined && ssl !== "true") {
    return Result.fail("it has the parameter ssl, which can only be true: use sslmode instead")
  }
  const mode = parameters.get("sslmode") ?? (ssl === undefined ? undefined : "require")
  if (mode === undefined || Schema.is(SslMode)(mode)) return Result.succeed(mode)
  return Result.fail(`its sslmode is not one of ${SslMode.literals.join(", ")}`)
}

const messages: Readonly<Record<string, string>> = {
  host: "its host is not a valid host name",
  port: "its port is not a number from 1 to 65535",
  user: "it names no user: write one before the host, as in postgres://user@host/database",
  database: "its database name is not valid",
  connectTimeout: "its connect_timeout is not a number of seconds"
}

const decodeTarget = Schema.decodeUnknownResult(PostgresTarget)
const formatIssues = SchemaIssue.makeFormatterStandardSchemaV1()

const checked = (target: unknown): Result.Result<PostgresTarget, string> =>
  Result.mapError(decodeTarget(target), ({ issue }) => {
    const member = String(formatIssues(issue).issues[0]?.path?.[0])
    return messages[member] ?? `it is not of the form ${form}`
  })

/**
 * Builds a target from the parts; empty ones count as absent. A parameter wins over the URL's own part even if it is
 * empty, as in libpq: in `postgres://ann@host/alex?dbname=` the database has the user's name.
 */
const targetOf = (
  parts: Parts,
  parameters: ReadonlyMap<string, string>,
  defaults: { readonly user: string | undefined }
): Result.Result<PostgresTarget, string> =>
  Result.gen(function* () {
    const given = (name: string) => parameters.get(name) ?? ""
    const chosen = (name: string, part: string, what: string) =>
      parameters.has(name) ? Result.succeed(given(name)) : decoded(part, what)
    const host = yield* hostOf(yield* chosen("host", parts.host, "the host"), given("hostaddr"))
    const sslmode = yield* sslmodeOf(parameters)
    const user = (yield* chosen("user", parts.user, "the user")) || (defaults.user ?? "")
    const password = yield* chosen("password", parts.password ?? "", "the password")
    const applicationName = given("application_name") || given("fallback_application_name")
    const timeout = given("connect_timeout")
    return yield* checked({
      host,
      port: number((parameters.has("port") ? given("port") : parts.port) || "5432"),
      user,
      database: (yield* chosen("dbname", parts.database, "the database's name")) || user,
      ...(password === "" ? {} : { password: Redacted.make(password) }),
      ...(sslmode === undefined ? {} : { sslmode }),
      ...(applicationName === "" ? {} : { applicationName }),
      ...(given("options") === "" ? {} : { options: given("options") }),
      ...(timeout === "" ? {} : { connectTimeout: number(timeout) })
    })
  })

/**
 * Parses a connection URL as libpq does: `postgres://user:password@host:port/database?sslmode=require`. Parameters of
 * the query win over the URL's own parts. The environment (`PGHOST` and the like), service files and password files are
 * not read.
 *
 * @param defaults.user The user if the URL names none. A URL without a database means the one with the user's name.
 * @returns The target; or what is wrong and what to do, as text to follow the variable's name, without any value.
 *
 * @example
 * ```ts
 * import { Redacted, Result } from "effect"
 * import { PostgresUrl } from "alex-database/data-api"
 *
 * const target = PostgresUrl.parse(Redacted.make("postgres://ann@db.example.com/alex"), { user: undefined })
 * // Result.succeed({ host: "db.example.com", port: 5432, user: "ann", database: "alex" })
 * ```
 */
export const parse = (
  url: Redacted.Redacted,
  defaults: { readonly user: string | undefined }
): Result.Result<PostgresTarget, string> =>
  Result.gen(function* () {
    const parts = yield* partsOf(Redacted.value(url).trim())
    const parameters = yield* parametersOf(parts.query)
    for (const [name, value] of parameters) {
      const refusal = refusalOf(name, value)
      if (refusal !== undefined) return yield* Result.fail(refusal)
    }
    return yield* targetOf(parts, parameters, defaults)
  })

/** The server's address for messages: `db.example.com:5432`, `[::1]:5432`, or a socket's folder. */
export const locationOf = ({ host, port }: Pick<PostgresTarget, "host" | "port">): string => {
  if (host.startsWith("/")) return port === 5432 ? host : `${host} (port ${port})`
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`
}

/** Whether the server is on this machine, by its address alone. */
export const isLocal = ({ host }: Pick<PostgresTarget, "host">): boolean =>
  host.startsWith("/") || /^(localhost|127\.\d{1,3}\.\d{1,3}\.\d{1,3}|::1)$/.test(host)
