/** The accounts in which people hold cash and positions. */
import * as Context from "effect/Context"
import * as Schema from "effect/Schema"
import {
  Decimal,
  type DigitsOption,
  InterestRate,
  interestRateInput,
  money,
  moneyInput,
  signedMoney
} from "./Decimal.ts"
import { withJson } from "./Json.ts"
import { changeOf, text, uuid } from "./Text.ts"
import { ClerkUserId } from "./User.ts"

/** The kinds of accounts that the vocabulary knows. */
export const accountTypes = [
  "401k",
  "roth_ira",
  "traditional_ira",
  "taxable",
  "529",
  "hsa",
  "pension",
  "other"
] as const

/** One of {@link accountTypes}. */
export const AccountType = Schema.Literals(accountTypes).annotate({ description: "The kind of account" })
export type AccountType = typeof AccountType.Type

/** The id of an account: a UUID that the database gives. */
export const AccountId = uuid("an account").pipe(Schema.brand("AccountId"))
export type AccountId = typeof AccountId.Type

const AccountName = text({ min: 1, max: 255, description: "What the user calls the account", example: "401(k)" })

const AccountPurpose = text({
  max: 2000,
  description: "What the account is for",
  example: "Main retirement savings"
})

/** Whether the cash of an account may be negative, as on margin; false by default. */
export interface CashOption {
  readonly negativeCash?: boolean
}

/**
 * Whether `Accounts` and `Portfolios` accept accounts with negative cash; false by default. The database has a
 * constraint of its own, `accounts_cash_balance_check`, which a migration of yours has to drop.
 *
 * @example
 * ```ts
 * import { Layer } from "effect"
 * import { Accounts } from "alex-database"
 * import { NegativeCash } from "alex-database/domain"
 *
 * const accounts = Accounts.layer.pipe(Layer.provide(Layer.succeed(NegativeCash, true)))
 * ```
 */
export const NegativeCash = Context.Reference<boolean>("alex-database/domain/NegativeCash", {
  defaultValue: () => false
})

const cashDescription = "The cash on the account"
const cashBalance = ({ negativeCash = false }: CashOption) =>
  negativeCash ? signedMoney(cashDescription) : money(cashDescription)

/** What of an account may be left out. */
const optionalFields = (option: CashOption) => ({
  account_purpose: Schema.optionalKey(Schema.NullOr(AccountPurpose)),
  cash_balance: Schema.optionalKey(cashBalance(option)),
  cash_interest: Schema.optionalKey(InterestRate)
})

const optionalInput = (options: DigitsOption & CashOption) => ({
  ...optionalFields(options),
  cash_balance: Schema.optionalKey(moneyInput(cashDescription, options)),
  cash_interest: Schema.optionalKey(interestRateInput(options))
})

const named = { clerk_user_id: ClerkUserId, account_name: AccountName }
const newAccount = { description: "A new account" }

/** A new account whose cash may be negative, or not. */
export const accountCreateOf = (option: CashOption) =>
  Schema.Struct({ ...named, ...optionalFields(option) }).annotate(newAccount)

/** A new account as other programs send it: amounts may be JSON numbers. */
export const accountCreateInput = (options: DigitsOption & CashOption) =>
  Schema.Struct({ ...named, ...optionalInput(options) }).annotate(newAccount)

/** A new account; cash and interest are 0 unless they are given. */
export const AccountCreate = withJson("new account", accountCreateOf({}), accountCreateInput)
export interface AccountCreate extends Schema.Schema.Type<typeof AccountCreate> {}

const accountChange = changeOf("an account")

/** A change of an account whose cash may be negative, or not. */
export const accountUpdateOf = (option: CashOption) =>
  Schema.Struct({ account_name: Schema.optionalKey(AccountName), ...optionalFields(option) }).annotate(accountChange)

/** A change of an account as other programs send it: amounts may be JSON numbers. */
export const accountUpdateInput = (options: DigitsOption & CashOption) =>
  Schema.Struct({ account_name: Schema.optionalKey(AccountName), ...optionalInput(options) }).annotate(accountChange)

/** Any subset of an account's fields; `null` empties the purpose. */
export const AccountUpdate = withJson("change of an account", accountUpdateOf({}), accountUpdateInput)
export interface AccountUpdate extends Schema.Schema.Type<typeof AccountUpdate> {}

/** An account as stored. */
export const Account = withJson(
  "account",
  Schema.Struct({
    id: Schema.String.pipe(Schema.brand("AccountId")),
    clerk_user_id: Schema.String.pipe(Schema.brand("ClerkUserId")),
    account_name: Schema.String,
    account_purpose: Schema.NullOr(Schema.String),
    cash_balance: Decimal,
    cash_interest: Decimal,
    created_at: Schema.Date,
    updated_at: Schema.Date
  }).annotate({ description: "An account of a user" })
)
export interface Account extends Schema.Schema.Type<typeof Account> {}

/** The totals of an account, or of all accounts of a user. */
export const AccountTotals = withJson(
  "totals of accounts",
  Schema.Struct({
    accounts: Schema.Finite.annotate({ description: "How many accounts" }),
    positions: Schema.Finite.annotate({ description: "How many positions they hold" }),
    cash: Decimal,
    market_value: Decimal,
    total: Decimal
  }).annotate({
    description: "The cash and the market value of the positions, in US dollars; a position without a price counts as 0"
  })
)
export interface AccountTotals extends Schema.Schema.Type<typeof AccountTotals> {}

/** There is no account with this id, or `forUser` was used and it belongs to another user. */
export class AccountNotFound extends Schema.TaggedError<AccountNotFound>()("AccountNotFound", {
  account_id: Schema.String
}) {
  override get message() {
    return `There is no account ${this.account_id}.`
  }
}
