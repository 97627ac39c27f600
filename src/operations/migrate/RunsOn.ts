import { Context } from "effect"

/** Whether a statement shall go on when its call has timed out. Who provides the `SqlClient` heeds it, if he can. */
export const RunsOn = Context.Reference<boolean>("alex-database/operations/RunsOn", { defaultValue: () => false })
