/** The encoding of the texts of a COPY. */
import type { Session } from "../session/ClientSession.ts"
import { type Encoding, encodingOf } from "../values/Encodings.ts"
import type { CopyStatement } from "./CopyStatement.ts"

/** That of ENCODING, or the client's. SQL_ASCII stands for the database's own, UTF-8. */
export const copyEncoding = (session: Session, { options }: CopyStatement): Encoding =>
  (options.encoding === undefined ? undefined : encodingOf(options.encoding)) ?? session.settings.encoding
