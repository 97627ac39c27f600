/** The public functions of Alex's first database module, in Python: what each class of it offers. */
const ofEveryTable = ["find_by_id", "find_all", "create", "update", "delete"]

const ofTable: { readonly [table: string]: ReadonlyArray<string> } = {
  users: ["find_by_clerk_id", "create_user"],
  instruments: ["find_by_symbol", "create_instrument", "find_by_type", "search"],
  accounts: ["find_by_user", "create_account"],
  positions: ["find_by_account", "get_portfolio_value", "add_position"],
  jobs: [
    "create_job",
    "update_status",
    "update_report",
    "update_charts",
    "update_retirement",
    "update_summary",
    "find_by_user"
  ]
}

const ofClient = [
  "execute",
  "query",
  "query_one",
  "insert",
  "update",
  "delete",
  "wait_for_cluster",
  "begin_transaction",
  "commit_transaction",
  "rollback_transaction"
]

/** All of them: `users.find_by_id`, `db.client.query`. */
export const originalFunctions: ReadonlyArray<string> = [
  ...Object.entries(ofTable).flatMap(([table, own]) => [...ofEveryTable, ...own].map((name) => `${table}.${name}`)),
  "db.execute_raw",
  "db.query_raw",
  ...ofClient.map((name) => `db.client.${name}`)
]
