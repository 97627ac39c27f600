import { Context } from "effect"

/** Whether a statement goes on running after its call has timed out, where the backend has such an option. */
export const RunsOn = Context.Reference<boolean>("alex-database/operations/RunsOn", { defaultValue: () => false })
