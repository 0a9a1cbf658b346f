// Package api is the REST interface of the service, in upstream's forms, and the Go client for it.
//
// routes.go is the table of what there is: method, pattern, policy and handler. Handlers decode, call the store through the narrow interfaces of
// [Deps], and encode. types.go holds every wire form and the only conversions from the vocabulary; error.go the only map between kinds of error
// and HTTP status. The [Client] shares both with the server, so they cannot drift apart. openapi.yaml describes the same operations and is served.
//
// There is no authentication yet: the policy names of the table say what each operation will ask for. Until then the service is meant for the
// loopback interface ([Options].LoopbackOnly) and refuses writes that a browser sends on behalf of another site.
package api
