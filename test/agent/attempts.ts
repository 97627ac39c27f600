/** What one user's agent may try in order to reach another's data: calls of tools, with what the other has. */

/** What the other user has. */
export interface Target {
  readonly user: string
  readonly account: string
  readonly job: string
}

/** One attempt: a call as a model or a client could make it. */
export interface Attempt {
  readonly what: string
  readonly tool: string
  readonly args: unknown
}

const byAccount = ({ account, user }: Target): ReadonlyArray<readonly [string, unknown]> => [
  ["the id", account],
  ["the id in capitals", account.toUpperCase()],
  ["the id in braces", `{${account}}`],
  ["the id without dashes", account.replaceAll("-", "")],
  ["the id as a URN", `urn:uuid:${account}`],
  ["the id with a space", ` ${account}`],
  ["the id and a comment", `${account}'--`],
  ["the id and an OR", `${account}' OR '1'='1`],
  ["the id in a list", [account]],
  ["the id in an operator", { $eq: account }],
  ["a query", `(SELECT id FROM accounts WHERE clerk_user_id = '${user}')`],
  ["a wildcard", "%"]
]

/** At least 40 attempts. */
export const attempts = (target: Target): ReadonlyArray<Attempt> => {
  const { account, job, user } = target
  const held = { account_id: account, symbol: "SPY" }
  const bought = { ...held, quantity: "1" }
  const one = (what: string, tool: string, args: unknown): Attempt => ({ what, tool, args })
  return [
    ...byAccount(target).map(([what, account_id]) => one(`value_account: ${what}`, "value_account", { account_id })),
    ...[bought, { ...bought, preview: true }].flatMap((args) => [
      one("set a position", "set_position", args),
      one("add to a position", "add_to_position", args)
    ]),
    one("close a position", "close_position", held),
    one("preview the close of a position", "close_position", { ...held, preview: true }),
    one("read a job", "read_job", { job_id: job }),
    one("read a job by its id in capitals", "read_job", { job_id: job.toUpperCase() }),
    one("read an excerpt of a job", "read_job", { job_id: job, include: ["report"], from: 0 }),
    one("read no part of a job", "read_job", { job_id: job, include: [] }),
    one("read a job by a query", "read_job", { job_id: `${job}' UNION SELECT * FROM jobs --` }),
    ...[{}, { preview: true }].flatMap((more) => [
      one("record a report", "record_report", { job_id: job, report: { content: "x" }, ...more }),
      one("record charts", "record_charts", { job_id: job, charts: {}, ...more }),
      one("record a retirement analysis", "record_retirement", { job_id: job, retirement: { analysis: "x" }, ...more }),
      one("record a summary", "record_summary", { job_id: job, summary: {}, ...more })
    ]),
    one("go on after the other's job", "list_jobs", { after: `2000-01-01T00:00:00.000000Z/${job}` }),
    one("go on after all jobs", "list_jobs", { after: `9999-01-01T00:00:00.000000Z/${job}`, limit: 100 }),
    one("a status that is a query", "list_jobs", { status: "pending' OR true --" }),
    one("go on after the other's account", "list_accounts", { after: account }),
    one("name the user", "list_accounts", { user }),
    one("name the user by the column", "list_accounts", { clerk_user_id: user }),
    one("name the user of a portfolio", "read_portfolio", { user_id: user }),
    one("name the user in a member", "read_portfolio", { user: { clerk_user_id: user } }),
    one("name the user in _meta", "read_portfolio", { _meta: { user } }),
    one("name the user in __proto__", "list_accounts", JSON.parse(`{"__proto__": {"user": "${user}"}}`)),
    one("name the user in constructor", "list_accounts", { constructor: { prototype: { user } } }),
    one("go on after the other's position", "read_portfolio", { include: ["positions"], after: `${account}/SPY` }),
    one("name the user of the unclassified", "list_unclassified_instruments", { user }),
    one("search for the other's account", "search_instruments", { query: account }),
    one("search by a query", "search_instruments", { query: "' UNION SELECT account_name FROM accounts --" }),
    one("go on with a search by a query", "search_instruments", { query: "S", after: "0;SELECT*FROM(accounts)" }),
    one("a symbol that is a query", "get_instrument", { symbol: "A' OR 1=1 --" }),
    one("a tool with the user in its name", `list_accounts?user=${user}`, {}),
    one("a tool that is a path", "../../users/list_accounts", {}),
    one("a tool of the prototype", "__proto__", {}),
    one("arguments that are a list", "list_accounts", [user]),
    one("arguments that are text", "list_accounts", user)
  ]
}
