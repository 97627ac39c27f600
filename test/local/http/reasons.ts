/** One of each reason that has a code of its own on the wire. */
import {
  AccessDenied,
  BadRequest,
  DatabaseError,
  DatabaseNotFound,
  DatabaseResuming,
  DatabaseUnavailable,
  Forbidden,
  HttpEndpointNotEnabled,
  InternalServerError,
  InvalidResourceState,
  InvalidSecret,
  NotFound,
  type Reason,
  SecretsError,
  ServiceUnavailable,
  StatementTimeout,
  Throttled,
  TransactionNotFound,
  UnsupportedResult,
  Validation
} from "../../../src/data-api/DataApiError.ts"

const message = "as scripted"

/** By the exception's name, as the model has it. */
export const modelled: Readonly<Record<string, Reason>> = {
  AccessDeniedException: new AccessDenied({ message }),
  BadRequestException: new BadRequest({ message }),
  DatabaseErrorException: new DatabaseError({ message, primary: message }),
  DatabaseNotFoundException: new DatabaseNotFound({ message }),
  DatabaseResumingException: new DatabaseResuming({ message }),
  DatabaseUnavailableException: new DatabaseUnavailable({ message }),
  ForbiddenException: new Forbidden({ message }),
  HttpEndpointNotEnabledException: new HttpEndpointNotEnabled({ message }),
  InternalServerErrorException: new InternalServerError({ code: "InternalServerErrorException", message }),
  InvalidResourceStateException: new InvalidResourceState({ message }),
  InvalidSecretException: new InvalidSecret({ message }),
  NotFoundException: new NotFound({ message }),
  SecretsErrorException: new SecretsError({ message }),
  ServiceUnavailableError: new ServiceUnavailable({ message }),
  StatementTimeoutException: new StatementTimeout({ message, dbConnectionId: 7 }),
  TransactionNotFoundException: new TransactionNotFound({ message }),
  UnsupportedResultException: new UnsupportedResult({ message })
}

/** What clients receive besides, as their base class. */
export const unmodelled: Readonly<Record<string, Reason>> = {
  InternalFailure: new InternalServerError({ code: "InternalFailure", message }),
  ThrottlingException: new Throttled({ message }),
  ValidationException: new Validation({ message })
}
