/** The suite as a Worker: `fetch` and Web Crypto are all that it has. */
import * as HttpDataApi from "../../src/data-api/aws/FetchDataApi.ts"
import { type Places, run } from "./suite.ts"

export default {
  fetch: async (request: Request): Promise<Response> => {
    const places: Places = await request.json()
    return Response.json(await run(HttpDataApi, places))
  }
}
