/** The people whose money Alex looks after. */
import * as Schema from "effect/Schema"
import { AssetClassAllocation, RegionAllocation, StoredAllocation } from "./Allocation.ts"
import { Decimal, type DigitsOption, money, moneyInput } from "./Decimal.ts"
import { withJson } from "./Json.ts"
import { changeOf, text } from "./Text.ts"

/** The id that the sign-in service (Clerk) gives a person. */
export const ClerkUserId = text({
  min: 1,
  max: 255,
  description: "The id of a user, as the sign-in service gives it",
  example: "user_2abcDEF"
}).pipe(Schema.brand("ClerkUserId"))
export type ClerkUserId = typeof ClerkUserId.Type

const DisplayName = text({ max: 255, description: "The name to address the user by", example: "Alex Morgan" })

const YearsUntilRetirement = Schema.Int.annotate({
  description: "Years until retirement, from 0 to 100",
  examples: [20],
  message: "expected a whole number of years"
}).pipe(Schema.check(Schema.isBetween({ minimum: 0, maximum: 100 }, { message: "expected 0 to 100 years" })))

const targetIncome = "The yearly income wished for in retirement"
const TargetIncome = money(targetIncome)

const userFields = {
  display_name: Schema.optionalKey(Schema.NullOr(DisplayName)),
  years_until_retirement: Schema.optionalKey(Schema.NullOr(YearsUntilRetirement)),
  target_retirement_income: Schema.optionalKey(Schema.NullOr(TargetIncome)),
  asset_class_targets: Schema.optionalKey(AssetClassAllocation),
  region_targets: Schema.optionalKey(RegionAllocation)
}

const userInputFields = (options: DigitsOption) => ({
  ...userFields,
  target_retirement_income: Schema.optionalKey(Schema.NullOr(moneyInput(targetIncome, options)))
})

const newUser = { description: "A new user" }

/** A new user as other programs send it: amounts may be JSON numbers. */
export const userCreateInput = (options: DigitsOption) =>
  Schema.Struct({ clerk_user_id: ClerkUserId, ...userInputFields(options) }).annotate(newUser)

/** A new user; a field that is left out gets the database's default, or null. */
export const UserCreate = withJson(
  "new user",
  Schema.Struct({ clerk_user_id: ClerkUserId, ...userFields }).annotate(newUser),
  userCreateInput
)
export interface UserCreate extends Schema.Schema.Type<typeof UserCreate> {}

const userChange = changeOf("a user", ", null empties a field")

/** A change of a user as other programs send it: amounts may be JSON numbers. */
export const userUpdateInput = (options: DigitsOption) => Schema.Struct(userInputFields(options)).annotate(userChange)

/** Any subset of a user's fields; `null` empties one. */
export const UserUpdate = withJson("change of a user", Schema.Struct(userFields).annotate(userChange), userUpdateInput)
export interface UserUpdate extends Schema.Schema.Type<typeof UserUpdate> {}

/** A user as stored. */
export const User = withJson(
  "user",
  Schema.Struct({
    clerk_user_id: Schema.String.pipe(Schema.brand("ClerkUserId")),
    display_name: Schema.NullOr(Schema.String),
    years_until_retirement: Schema.NullOr(Schema.Finite),
    target_retirement_income: Schema.NullOr(Decimal),
    asset_class_targets: StoredAllocation,
    region_targets: StoredAllocation,
    created_at: Schema.Date,
    updated_at: Schema.Date
  }).annotate({ description: "A user, with the targets for the portfolio" })
)
export interface User extends Schema.Schema.Type<typeof User> {}

/** There is no user with this id. */
export class UserNotFound extends Schema.TaggedError<UserNotFound>()("UserNotFound", { clerk_user_id: Schema.String }) {
  override get message() {
    return "There is no user with this id. Create the user first."
  }
}

/** A user with this id exists already; nothing was changed. */
export class UserAlreadyExists extends Schema.TaggedError<UserAlreadyExists>()("UserAlreadyExists", {
  clerk_user_id: Schema.String
}) {
  override get message() {
    return "There is a user with this id already. Update it, or get it, instead of creating it."
  }
}
