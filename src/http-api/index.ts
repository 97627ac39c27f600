/**
 * Alex's data over HTTP: an `HttpApi` of users, accounts, positions, instruments and jobs on the repositories, which a
 * service mounts and secures with a middleware of its own.
 */
export { AlexApi, groups } from "./Api.ts"
export { layer } from "./Handlers.ts"
export {
  Authorization,
  CallingUser,
  DatabaseUnavailable,
  DataUnreadable,
  Forbidden,
  InputErrors,
  InvalidRequest,
  TellForbidden,
  Unauthorized
} from "./Middleware.ts"
export { otherMethods } from "./OtherMethods.ts"
export { PreconditionFailed, UnsupportedBody } from "./RequestChecks.ts"
