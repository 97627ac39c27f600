/** To be imported before a command's program: from SIGTERM on, a call on the files of its folder fails. */
import { codes, FailingFiles } from "./FailingFiles.ts"

const { ALEX_DB_DIR: folder = "", FAILING_CODE: given, FAILING_SITE: site } = process.env
const code = codes.find((one) => one === given)

if (code !== undefined && site !== undefined) {
  const files = new FailingFiles(folder)
  files.install()
  // The first listener is called before that of the command.
  process.once("SIGTERM", () => files.fail({ site, code }))
}
