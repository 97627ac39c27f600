/** A local Data API server on a fresh embedded database, for clients that are not ours. */
import { Layer } from "effect"
import { DataApi } from "../../src/data-api/DataApi.ts"
import { Faults } from "../../src/local/faults/Faults.ts"
import { defaultTarget } from "../../src/local/http/Clusters.ts"
import { HttpServer } from "../../src/local/http/HttpServer.ts"
import * as TestDatabase from "../TestDatabase.ts"

export const region = "us-east-1"
export const target = { ...defaultTarget(region), database: "alex" }

/** Any credentials do where the server was given no key. */
export const credentials = { accessKeyId: "local", secretAccessKey: "local" }

export const layer = HttpServer.layer({ port: 0 }).pipe(
  Layer.provideMerge(Faults.layer()),
  Layer.provide(TestDatabase.layer())
)

/** A server in front of any `DataApi`. */
export const layerAnswering = (api: DataApi["Service"]) =>
  HttpServer.layer({ port: 0 }).pipe(Layer.provide(Layer.succeed(DataApi, api)))
