const CONFIGURED = `Keypost is configured by environment variables, or by the same in a file .env of the working
directory: see .env.example.`

/** What `keypost --help` and `keypost <command> --help` print. */
export const help: Record<string, string> = {
  keypost: `Usage: keypost [command] [options]

Takes in keys and profiles over HTTP, and keeps exactly one result for every event.

Commands:
  serve    serve the HTTP API and handle events (the default)
  process  only handle events, beside others that serve
  demo     show what Keypost does, on a running service or a throw-away one
  doctor   look at the engine and the data, without changing them
  token    make a token for API_TOKENS
  openapi  write the API documents from the schemas

Options:
  -h, --help     print this, or behind a command what it does
  -v, --version  print the version

${CONFIGURED}`,

  serve: `Usage: keypost serve

Serves the HTTP API at HOST and PORT, with Swagger UI at /docs, and handles events unless SUBSCRIBER=off.
Without REDIS_URL everything is kept in DATA_DIR, which one process uses at a time.

SIGTERM or SIGINT: takes no more requests, finishes what is in hand (for at most SHUTDOWN_MS), and ends with 0.
A second signal ends it at once. What stops the start is said in one line; then it ends with 1.

${CONFIGURED}`,

  process: `Usage: keypost process

Handles events beside the processes that serve the API, as many of them as you like. Needs REDIS_URL: the data of
the embedded engine is used by one process alone.

It does not look at SUBSCRIBER, so that one .env serves all. Without PORT it listens for /livez, /readyz and
/metrics on any free port, and says which. Signals are those of \`keypost serve\`: it gives its partitions back
before it ends. Handlers of other topics (HANDLERS) must be those of the other processes.

${CONFIGURED}`,

  demo: `Usage: keypost demo [url]

Creates profiles, submits keys (good, duplicate, expired, of an unknown profile), changes, revokes and deletes some,
publishes on a topic of its own, waits for every result, and prints what became of them and where to look.

url: of the service to write to. Without one, the service at HOST and PORT if it runs (http://127.0.0.1:3000 unless
configured), else a throw-away one with a temporary folder, which also shows events that fail.

KEYPOST_TOKEN (in the environment or .env): the token to send, of the scopes read and write, if the service has
API_TOKENS. It is not an argument, since other users of the machine can see those.

The demo's records stay in the service that it wrote to; their names begin with "Demo", their keys with
"not-a-real-key-demo-". Ends with 1 if an event has no result, or the service refuses a request.`,

  doctor: `Usage: keypost doctor [--json]

Looks at the engine and the data with the configuration of a start, and changes nothing. Prints a line a check:
  ✓  in order
  !  worth knowing, with what to do about it
  ✗  needs mending, with what to do about it

It asks the engine, not the service, so it works whether or not Keypost runs. On Redis: reachable, the rights of the
user, round trip, clock, version, persistence, replicas, eviction, memory. In the embedded engine's folder: the disk,
and who has it. On both: layout, partitions, pepper, processors and leases, the oldest unfinished event, and every
counter recounted from the raw data.

Options:
  --json  print {ok, checks: [{name, level: ok|warning|failed, detail, advice}]} instead

Ends with 1 if a check failed (✗), else with 0.

${CONFIGURED}`,

  token: `Usage: keypost token <name> [scopes]

Makes a bearer token of 256 random bits, and prints it and its entry in API_TOKENS. The token is shown this once and
kept nowhere: the entry has its SHA-256 alone.

name:   whose it is: logs, limits and Idempotency-Keys go by it. Two tokens of one name may live at once, so that one
        can replace the other.
scopes: what it allows, joined by +; none includes another. Unset: read+write.
          read   GET: records, events, results, metrics, live streams
          write  POST, PUT, PATCH, DELETE: keys, profiles, events
          admin  to redrive and discard dead letters, to start and cancel replays`,

  openapi: `Usage: keypost openapi [--check]

Writes openapi/openapi.yaml and openapi/asyncapi.yaml, below the working directory, from the schemas that requests
are validated with. For those who develop Keypost; a running service has the same at /openapi.json and
/asyncapi.json.

Options:
  --check  write nothing: print how the files differ from the schemas, and end with 1 if they do`,
}
