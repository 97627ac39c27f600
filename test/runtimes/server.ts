/** The suite in a runtime with Node's modules, on Node's transport; prints the report as JSON. */
import * as HttpDataApi from "../../src/data-api/aws/HttpDataApi.ts"
import { type Places, run } from "./suite.ts"

const places: Places = JSON.parse(process.argv[2] ?? "{}")
process.stdout.write(`\nREPORT ${JSON.stringify(await run(HttpDataApi, places))}\n`)
process.exit(0)
